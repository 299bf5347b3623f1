import { ProtocolError, storeUnavailable, taskNotFound } from '../../protocol/errors.ts';
import type {
  CreatePushParams,
  DeletePushParams,
  GetPushParams,
  ListPushParams,
  PushConfigPage,
  PushConfigView,
} from '../../protocol/model.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { Webhook } from '../sessions/outbox.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { RecordBody } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { findTask } from './find-task.ts';
import { checkWebhook, ownWebhookId, WebhookRegistration } from './webhook-registration.ts';

/**
 * A2A 1.0 §3.1.7, 0.3 `tasks/pushNotificationConfig/set`, 0.1 `tasks/pushNotification/set`: registers a webhook, or
 * replaces the one of its id. Refused while the store is away: one that may be lost is worse than an error.
 *
 * @returns undefined when a 0.1 client took its webhook away
 */
export async function createPushConfig(
  parts: A2AParts,
  { taskId, config }: CreatePushParams,
  call: CallContext,
): Promise<Answer<PushConfigView | undefined>> {
  const { dialect } = call;
  if (config !== null) checkWebhook(parts.urlGuard, config, dialect, 'own');
  const quota = parts.quotas?.ofWebhooks(call.principal);
  const registration = config === null ? undefined : new WebhookRegistration(config, dialect, 'own', quota);
  return withTask(parts, taskId, call, async (session, local) => {
    const decide = (draft: Session, at: number): RecordBody[] => {
      visible(draft, local, taskId);
      if (registration !== undefined) return registration.decide(draft, at, local);
      return [{ t: 'unpush', at, task: local, id: ownWebhookId(draft, local) }];
    };
    await session.change(decide, { mustStore: true, quota: parts.quotas?.ofCaller(call.principal) });
    const webhook =
      registration && visible(session.view, local, taskId).outbox?.webhooks.get(registration.id);
    return { result: webhook && toView(taskId, webhook), persistence: session.persistence };
  });
}

/** A2A 1.0 §3.1.8, 0.3 `tasks/pushNotificationConfig/get`, 0.1 `tasks/pushNotification/get`. */
export async function getPushConfig(
  parts: A2AParts,
  { taskId, id }: GetPushParams,
  call: CallContext,
): Promise<Answer<PushConfigView | undefined>> {
  return withTask(parts, taskId, call, (session, local) => {
    const named = webhookId(session.view, local, taskId, call, id);
    const webhook = visible(session.view, local, taskId).outbox?.webhooks.get(named);
    if (webhook === undefined && call.dialect !== 'v01') {
      const message = 'The task has no such push notification config';
      throw new ProtocolError('TASK_NOT_FOUND', { message, metadata: { taskId } });
    }
    return fromMemory(session, webhook && toView(taskId, webhook));
  });
}

/**
 * A2A 1.0 §3.1.9, 0.3 `tasks/pushNotificationConfig/list`: in the order in which they were first registered.
 *
 * @throws {ProtocolError} INVALID_PARAMS (`pageToken`), STORE_UNAVAILABLE
 */
export async function listPushConfigs(
  parts: A2AParts,
  { taskId, pageSize, pageToken }: ListPushParams,
  call: CallContext,
): Promise<Answer<PushConfigPage>> {
  const { tenant, subject } = call.principal;
  return withTask(parts, taskId, call, async (session, local) => {
    const scope = ['webhooks', tenant, subject, session.ref.sessionId, local];
    try {
      const after = pageToken === undefined ? 0 : Number(await parts.pageTokens.read(pageToken, scope));
      const { outbox } = visible(session.view, local, taskId);
      const rest = [...(outbox?.webhooks.values() ?? [])].filter(({ created }) => created > after);
      const page = rest.slice(0, pageSize);
      const last = page.at(-1);
      const isLast = last === undefined || page.length === rest.length;
      const nextPageToken = isLast ? '' : await parts.pageTokens.make(String(last.created), scope);
      return fromMemory(session, { configs: page.map((webhook) => toView(taskId, webhook)), nextPageToken });
    } catch (error) {
      throw error instanceof StoreUnavailableError ? storeUnavailable(error) : error;
    }
  });
}

/** A2A 1.0 §3.1.10, 0.3 `tasks/pushNotificationConfig/delete`: permanent, and done already when there is none. */
export async function deletePushConfig(
  parts: A2AParts,
  { taskId, id }: DeletePushParams,
  call: CallContext,
): Promise<Answer<undefined>> {
  return withTask(parts, taskId, call, async (session, local) => {
    const decide = (draft: Session, at: number): RecordBody[] => {
      const named = webhookId(draft, local, taskId, call, id);
      const isKnown = visible(draft, local, taskId).outbox?.webhooks.has(named) === true;
      return isKnown ? [{ t: 'unpush', at, task: local, id: named }] : [];
    };
    await session.change(decide, { mustStore: true });
    return { result: undefined, persistence: session.persistence };
  });
}

async function withTask<R>(
  parts: A2AParts,
  taskId: string,
  call: CallContext,
  use: (session: LiveSession, local: string) => Promise<R> | R,
): Promise<R> {
  const { session, local } = await findTask(parts, taskId, call);
  try {
    return await use(session, local);
  } finally {
    parts.sessions.release(session);
  }
}

function visible(fold: Session, local: string, taskId: string): TaskFold {
  const task = fold.task(local);
  if (task === undefined || task.withdrawn) throw taskNotFound(taskId);
  return task;
}

/** 0.x knows a webhook without an id of its own by its task, whichever of the task's names is used. */
function webhookId(
  fold: Session,
  local: string,
  taskId: string,
  { dialect }: CallContext,
  id: string | undefined,
): string {
  const isOwn = id === undefined || (dialect !== 'v1' && id === taskId);
  return isOwn ? ownWebhookId(fold, local) : id;
}

function fromMemory<R>(session: LiveSession, result: R): Answer<R> {
  const isFromMemory = session.persistence === 'deferred' || !session.isConfirmed;
  return isFromMemory ? { result, persistence: 'deferred' } : { result };
}

function toView(taskId: string, { id, config }: Webhook): PushConfigView {
  const { authentication, ...shown } = config;
  return {
    taskId,
    config: { ...shown, id, ...(authentication && { authentication: { schemes: authentication.schemes } }) },
  };
}
