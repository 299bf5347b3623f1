import { randomBytes } from 'node:crypto';
import { JournalScan, type ScannedRecord } from '../sessions/journal-scan.ts';
import { aliasKey } from '../sessions/session-ref.ts';
import {
  type AliasEntry,
  type CommitResult,
  type Cursor,
  type SessionStore,
  TAIL_MAX_BYTES,
  TAIL_MAX_RECORDS,
  type TaskIndexEntry,
} from '../sessions/session-store.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { toTaskSummary } from '../sessions/task-summary.ts';
import type { ArchivedSession } from './session-archive.ts';

/** `there`: the same session is there already, with all of these records. `exists`: another one is. */
export type Imported = 'imported' | 'there' | 'exists' | { readonly why: string };

/** Stands for a record that is not there, until its number is taken and it can be deleted. */
const PLACEHOLDER = '0';

/** A record, and where the journal stands behind it. */
interface Line extends ScannedRecord {
  readonly w: string;
}

interface Portion {
  readonly instance: string;
  readonly lines: readonly Line[];
}

/**
 * Writes one session into a store as it was: its records at their numbers under their identities, its indexes made anew
 * from them, with the life that it had left. What an attempt that was broken off has left is gone on with.
 *
 * @param writer as whom records are written whose own identity does not fit
 * @throws {StoreUnavailableError}
 */
export async function importSession(
  store: SessionStore,
  archived: ArchivedSession,
  writer: string,
  now: () => number,
): Promise<Imported> {
  const { ref, records } = archived;
  const scan = new JournalScan(ref, archived.epoch);
  const lines = records.map((json, i): Line => {
    const taken = scan.take({ n: i + 1, json });
    return { ...taken, w: i + 1 === records.length ? archived.w : scan.session.cursor.w };
  });
  const found = await store.read(ref);
  let { epoch } = archived;
  let at: Cursor | undefined;
  if (found.found) {
    if (found.cursor.epoch !== epoch) return 'exists';
    const { head, w } = found.cursor;
    if (head > lines.length || lines[head - 1]?.w !== w) return head > lines.length ? 'there' : 'exists';
    at = found.cursor;
  } else if (found.tombstone?.epoch === epoch) {
    // It was deleted there since. What is deleted does not come back under its epoch.
    epoch = randomBytes(12).toString('base64url');
  }
  if (at?.head === lines.length) {
    await dropPlaceholders(store, archived, epoch);
    return 'there';
  }
  const { session } = scan;
  for (const portion of toPortions(lines.slice(at?.head ?? 0), writer)) {
    const tasks = begunIn(portion.lines).flatMap((local) => session.task(local) ?? []);
    const w = portion.lines.at(-1)?.w ?? '';
    const head = portion.lines.at(-1)?.n ?? 0;
    const tombstone = found.found ? '' : (found.tombstone?.epoch ?? '');
    const result = await store.commit(ref, {
      expected: at ?? { epoch: tombstone, head: 0, w: '' },
      ...(at === undefined && { createEpoch: epoch }),
      instance: portion.instance,
      records: portion.lines.map(({ n, json, identity }) => ({
        seq: portion.instance === writer ? n : identity.seq,
        json: json ?? PLACEHOLDER,
      })),
      w,
      expiry: at === undefined ? { kind: 'slide', ttlMs: archived.remainingMs } : { kind: 'keep' },
      tasks: tasks.filter(isIndexed).map((task) => toEntry(task, task.state)),
      // All at once: if one of them names another session's task, nothing was written.
      aliases: at === undefined ? toAliases(lines) : [],
      ...(head === lines.length && toDue(session.deliveryDue, now())),
    });
    if (result.outcome !== 'ok') return { why: whyNot(result) };
    at = { epoch, head, w };
    const hidden = tasks.filter((task) => task.withdrawn && isIndexed(task));
    if (hidden.length === 0) continue;
    const entries = hidden.map((task) => toEntry(task, null));
    const { instance } = portion;
    const keep = { kind: 'keep' } as const;
    await store.commit(ref, {
      expected: at,
      instance,
      records: [],
      w,
      expiry: keep,
      tasks: entries,
      aliases: [],
    });
  }
  await dropPlaceholders(store, archived, epoch);
  await mark(store, archived, epoch);
  return 'imported';
}

const begunIn = (lines: readonly Line[]): string[] =>
  lines.flatMap(({ body }) => (body?.t === 'task' ? [body.task] : []));

/** A task that was withdrawn is in no list, but its session has to find its alias one day. */
const isIndexed = ({ withdrawn, alias }: TaskFold): boolean => !withdrawn || alias !== undefined;

const toEntry = (task: TaskFold, state: TaskFold['state'] | null): TaskIndexEntry => ({
  local: task.local,
  state,
  previous: state === null ? task.state : null,
  statusAt: task.statusAt,
  summary: state === null ? '' : toTaskSummary(task),
});

/** The last task that a client has given an id to is the one that it names. */
function toAliases(lines: readonly Line[]): AliasEntry[] {
  const aliases = new Map<string, AliasEntry>();
  for (const { body } of lines) {
    if (body?.t !== 'task' || body.alias === undefined) continue;
    const { subject = '', alias: clientTaskId, task: local } = body;
    aliases.set(aliasKey(subject, clientTaskId), { subject, clientTaskId, local, expected: null });
  }
  return [...aliases.values()];
}

const toDue = (due: number | undefined, now: number): { outboxInMs?: number } =>
  due === undefined ? {} : { outboxInMs: Math.max(0, due - now) };

async function dropPlaceholders(
  store: SessionStore,
  { ref, records }: ArchivedSession,
  epoch: string,
): Promise<void> {
  const missing = records.flatMap((json, i) => (json === null ? [[i + 1, i + 1] as const] : []));
  if (missing.length > 0) await store.compact(ref, epoch, missing);
}

/** Which answers were delivered, and who serves the message that the session was derived from. */
async function mark(
  store: SessionStore,
  { ref, answered, derived }: ArchivedSession,
  epoch: string,
): Promise<void> {
  const note = (serves?: string) =>
    store.markAnswered([{ ref, epoch, messages: answered, ...(serves !== undefined && { serves }) }]);
  const { serves } = derived;
  if (serves !== '') {
    // Only what was answered is handed on to another session.
    await note('');
    await store.claimDerived(ref, epoch, '', serves);
  }
  if (derived.answered) await note(serves);
  else if (answered.length > 0 && serves === '') await note();
}

function whyNot(result: CommitResult): string {
  if (result.outcome === 'aliased') return `a client's task id of it names another session's task there`;
  if (result.outcome === 'refused') return `refused by ${result.limit}`;
  return `the store answered ${result.outcome}: somebody else writes to it`;
}

/** As much as one commit takes, each of one instance whose numbers ascend. */
function toPortions(lines: readonly Line[], writer: string): Portion[] {
  const portions: { instance: string; lines: Line[] }[] = [];
  const seqs = new Map<string, number>();
  let bytes = 0;
  for (const line of lines) {
    const { instance: own, seq } = line.identity;
    const fits = seq > (seqs.get(own) ?? 0);
    const instance = fits ? own : writer;
    seqs.set(instance, fits ? seq : line.n);
    const size = Buffer.byteLength(line.json ?? PLACEHOLDER);
    const open = portions.at(-1);
    bytes += size;
    if (open?.instance === instance && open.lines.length < TAIL_MAX_RECORDS && bytes <= TAIL_MAX_BYTES)
      open.lines.push(line);
    else {
      portions.push({ instance, lines: [line] });
      bytes = size;
    }
  }
  return portions;
}
