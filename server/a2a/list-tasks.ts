import { storeUnavailable } from '../../protocol/errors.ts';
import type { ListTasksParams, TaskPage } from '../../protocol/model.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { ListPosition, ListedTask, TaskList, TaskQuery } from '../sessions/session-store.ts';
import { type A2AParts, spaceFor } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { ListedViews } from './listed-views.ts';
import type { PageTokens } from './page-token.ts';

const PAGE_SIZE = 50;

/**
 * A2A 1.0 §3.1.4 ListTasks: from the store's indexes, newest status first. A task that was acknowledged while the store
 * was away is listed once it is stored. A page may be shorter than asked for although there are others behind it.
 *
 * @throws {ProtocolError} INVALID_PARAMS (`pageToken`), STORE_UNAVAILABLE
 */
export async function listTasks(
  parts: A2AParts,
  params: ListTasksParams,
  call: CallContext,
): Promise<Answer<TaskPage>> {
  const { tenant, subject } = call.principal;
  const { contextId, state, since, pageToken, includeArtifacts, pageSize = PAGE_SIZE } = params;
  const scope = ['tasks', tenant, subject, contextId ?? null, state ?? null, since ?? null];
  try {
    const query: TaskQuery = {
      limit: pageSize,
      ...(contextId !== undefined && { sessionId: contextId }),
      ...(state !== undefined && { state }),
      ...(since !== undefined && { since }),
      ...(pageToken !== undefined &&
        pageToken !== '' && { after: toPosition(await parts.pageTokens.read(pageToken, scope)) }),
    };
    const space = spaceFor(parts, call);
    const list = await parts.sessions.listTasks(space, query);
    const views = new ListedViews(parts.sessions, space, {
      includeArtifacts,
      historyLength: params.historyLength ?? 0,
      state,
    });
    const { tasks, used } = await views.show(list.tasks);
    const nextPageToken = await nextTokenOf(parts.pageTokens, list, used, scope);
    return {
      result: { tasks, nextPageToken, pageSize, totalSize: list.totalSize, includeArtifacts },
    };
  } catch (error) {
    throw error instanceof StoreUnavailableError ? storeUnavailable(error) : error;
  }
}

/**
 * The token behind a page, `''` when nothing is.
 *
 * @param used how many of the list the page accounts for
 */
export async function nextTokenOf(
  tokens: PageTokens,
  { tasks, more }: TaskList,
  used: number,
  scope: readonly unknown[],
): Promise<string> {
  const last = tasks[used - 1];
  if (last === undefined || (!more && used === tasks.length)) return '';
  return tokens.make(toPlace(last), scope);
}

const toPlace = ({ sessionId, local, statusAt }: ListedTask): string =>
  `${statusAt}.${joinTaskId(sessionId, local)}`;

function toPosition(place: string): ListPosition {
  const dot = place.indexOf('.');
  return { statusAt: Number(place.slice(0, dot)), taskId: place.slice(dot + 1) };
}
