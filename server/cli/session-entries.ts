/** A session's journal beside what the indexes say of it. */
import type { ScannedJournal } from '../sessions/journal-scan.ts';
import { joinTaskId, type SessionRef } from '../sessions/session-ref.ts';
import type { AliasEntry, TaskIndexEntry } from '../sessions/session-store.ts';
import { readTaskSummary } from '../sessions/task-summary.ts';
import { IndexDamagedError } from '../stores/index-damaged-error.ts';
import type { OpenStore } from './open-store.ts';
import type { Problem } from './store-problem.ts';
import { tasksIn } from './tasks-command.ts';

/** What the indexes should say of a session, and do not. @throws {StoreUnavailableError} */
export async function compareEntries(
  open: OpenStore,
  { session }: ScannedJournal,
  aliases: readonly AliasEntry[],
): Promise<Problem[]> {
  const { ref } = session;
  const { tenant: place, sessionId } = ref;
  const problems: Problem[] = [];
  const listed = await unlessDamaged(() => listedOf(open, ref));
  for (const [local, entry] of listed === undefined ? [] : wrongEntries(session, listed)) {
    const what =
      entry.state === null
        ? 'a task is listed that the journal does not have'
        : entry.previous === null
          ? 'the task is in no list'
          : 'the summary of the task has another state than its journal';
    problems.push({ kind: 'unindexed', place, sessionId, local, what, mend: { by: 'index', ref, local } });
  }
  for (const { subject, clientTaskId, local } of aliases) {
    const named = await unlessDamaged(async () => ({
      ref: await open.store.resolveAlias(place, subject, clientTaskId),
    }));
    if (named === undefined || named.ref !== undefined) continue;
    const id = joinTaskId(sessionId, local);
    const what = `the client's own id of task ${id} leads to nothing`;
    problems.push({ kind: 'unindexed', place, sessionId, local, what, mend: { by: 'index', ref, local } });
  }
  // An entry in the outbox that is missing is missed by nobody: the client never hears of it.
  if (session.deliveryDue !== undefined && !(await open.inspection.hasDue(ref))) {
    const what = 'outbox: webhooks of the session are to be told something, and nobody looks';
    problems.push({ kind: 'unindexed', place, sessionId, what, mend: { by: 'due', ref } });
  }
  return problems;
}

/** What a damaged index does not say is not missing in it. */
async function unlessDamaged<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof IndexDamagedError) return undefined;
    throw error;
  }
}

async function listedOf(
  open: OpenStore,
  { tenant, sessionId }: SessionRef,
): Promise<Map<string, string | undefined>> {
  const listed = new Map<string, string | undefined>();
  for await (const { local, summary } of tasksIn(open, tenant, { sessionId }))
    listed.set(local, readTaskSummary(summary)?.state);
  return listed;
}

/** What the indexes should say of each task of which they say something else. A fold that is not whole is no judge. */
function* wrongEntries(
  session: ScannedJournal['session'],
  listed: ReadonlyMap<string, string | undefined>,
): Iterable<readonly [string, Pick<TaskIndexEntry, 'state' | 'previous'>]> {
  if (session.readOnly) return;
  const known = new Set<string>();
  for (const { local, state, withdrawn } of session.tasks()) {
    known.add(local);
    const found = listed.get(local);
    if (withdrawn ? found === undefined : found === state) continue;
    yield [
      local,
      { state: withdrawn ? null : state, previous: (found ?? null) as TaskIndexEntry['previous'] },
    ];
  }
  for (const [local, found] of listed)
    if (!known.has(local))
      yield [local, { state: null, previous: (found ?? null) as TaskIndexEntry['previous'] }];
}
