import type { EpochMs } from '../../protocol/units.ts';
import { TASK_STATES, type TaskState } from '../../protocol/task-state.ts';
import { type ScannedJournal, scanJournal } from '../sessions/journal-scan.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import type { AliasEntry, CommitRequest, TaskIndexEntry } from '../sessions/session-store.ts';
import { readTaskSummary, toTaskSummary } from '../sessions/task-summary.ts';
import type { OpenStore } from './open-store.ts';
import { stateOf } from './session-view.ts';
import type { Mend, Problem } from './store-problem.ts';
import { tasksIn } from './tasks-command.ts';

/** Above what an entry may be behind, so that it is written anew. */
const LONGER_MS = 1_000;
const TOMBSTONE_MS = 1;
/** No session is there: one that has come back meanwhile stays. */
const NO_SESSION = { epoch: '', head: 0, w: '' };

/** What a repair would do, in words. */
export function planOf(mend: Mend): string {
  switch (mend.by) {
    case 'purge':
      return 'take what is left of it out of the indexes';
    case 'index':
      return 'write its entries anew from the journal';
    case 'renew':
      return mend.hasLife
        ? 'list it, with the life that it has left'
        : 'give it the life of the configuration';
    case 'due':
      return 'make them due, as the journal says';
    case 'retire':
      return 'give the indexes of the tenant their life';
    case 'note':
      return 'note the tenant in the registry';
  }
}

/**
 * Everything at the head that was read: when somebody was faster it is looked at once more, and left as it is then.
 *
 * @returns whether it was done
 * @throws {StoreUnavailableError} @throws {SessionDamagedError}
 */
export async function mend(
  open: OpenStore,
  { place, mend: how }: Problem,
  now: () => EpochMs,
): Promise<boolean> {
  const { store, instance, config } = open;
  switch (how?.by) {
    case undefined:
      return false;
    case 'purge': {
      // What one index alone still knows is not found by way of the others.
      const isGone = (await store.remove(how.ref, TOMBSTONE_MS, NO_SESSION)) === 'missing';
      return isGone && (await open.inspection.drop(how));
    }
    case 'retire':
      await store.retire(place);
      return true;
    case 'note':
      await store.noteTenant(place, instance);
      return true;
    case 'renew': {
      const { hasLife } = how;
      return commitAt(open, how.ref, ({ snapshot }) => ({
        expiry: { kind: 'slide', ttlMs: hasLife ? snapshot.remainingMs + LONGER_MS : config.sessionTtlMs },
      }));
    }
    case 'due':
      return commitAt(open, how.ref, ({ session: { deliveryDue: due } }) => ({
        expiry: { kind: 'keep' },
        ...(due !== undefined && { outboxInMs: Math.max(0, due - now()) }),
      }));
    case 'index':
      return writeEntries(open, how);
  }
}

async function commitAt(
  { store, instance }: OpenStore,
  ref: SessionRef,
  change: (scanned: ScannedJournal) => Pick<CommitRequest, 'expiry' | 'outboxInMs'>,
): Promise<boolean> {
  const scanned = await scanJournal(store, ref);
  if (scanned === undefined) return false;
  const { cursor } = scanned.snapshot;
  const empty = { instance, records: [], tasks: [], aliases: [] };
  const request = { ...empty, expected: cursor, w: cursor.w, ...change(scanned) };
  return (await store.commit(ref, request)).outcome === 'ok';
}

const nameOf = (state: TaskState): string => `tasks:${stateOf(state).replaceAll('_', '-')}`;

async function writeEntries(
  open: OpenStore,
  { ref, local, index }: Mend & { by: 'index' },
): Promise<boolean> {
  const { store, instance } = open;
  const aliases: AliasEntry[] = [];
  const scanned = await scanJournal(store, ref, ({ body }) => {
    if (body?.t !== 'task' || body.task !== local || body.alias === undefined) return;
    const { subject = '', alias: clientTaskId } = body;
    aliases.push({ subject, clientTaskId, local, expected: null });
  });
  if (scanned === undefined || scanned.session.readOnly) return false;
  const task = scanned.session.task(local);
  const state = task === undefined || task.withdrawn ? null : task.state;
  let listed: TaskState | null = null;
  for await (const found of tasksIn(open, ref.tenant, { sessionId: ref.sessionId }))
    if (found.local === local) listed = readTaskSummary(found.summary)?.state ?? null;
  // The entry that is wrong goes: that of the index it was found in, or of the state that the summary has.
  const wrong = TASK_STATES.find((known) => nameOf(known) === index) ?? listed;
  const entry = (previous: TaskState | null): TaskIndexEntry => ({
    ...{ local, state, previous, statusAt: task?.statusAt ?? 0 },
    summary: task === undefined || state === null ? '' : toTaskSummary(task),
  });
  const { cursor } = scanned.snapshot;
  const free: AliasEntry[] = [];
  for (const one of aliases)
    if ((await store.resolveAlias(ref.tenant, one.subject, one.clientTaskId)) === undefined) free.push(one);
  const keep = { kind: 'keep' } as const;
  const request = { expected: cursor, instance, records: [], w: cursor.w, expiry: keep, aliases: free };
  // Out of the wrong one first, then as a new task: so it comes into every index, whichever it lacks.
  const steps = wrong !== null && wrong !== state ? [entry(wrong), entry(null)] : [entry(null)];
  for (const step of steps)
    if ((await store.commit(ref, { ...request, tasks: [step] })).outcome !== 'ok') return false;
  return true;
}
