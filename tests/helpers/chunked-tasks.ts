import type { TaskState } from '../../protocol/task-state.ts';
import type { Decide } from '../../server/sessions/change.ts';
import type { LiveSession } from '../../server/sessions/live-session.ts';
import type { RecordBody } from '../../server/sessions/records.ts';
import { parseIdentity } from '../../server/sessions/records.ts';
import type { Session } from '../../server/sessions/session.ts';
import type { StoredRecord } from '../../server/sessions/session-store.ts';

/** A chunk of an artifact, the first or another one. */
export const chunk =
  (task: string, text: string, artifactId = 'a', append = true): Decide =>
  (_draft, at): RecordBody[] => [
    { t: 'artifact', at, task, artifact: { artifactId, parts: [{ text }] }, ...(append && { append: true }) },
  ];

export const chunkTexts = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `chunk ${from + i}`);

/** All of them at once, so that they share commits. */
export async function streamInto(
  session: LiveSession,
  task: string,
  texts: readonly string[],
  artifactId = 'a',
): Promise<void> {
  await Promise.all(texts.map((text, i) => session.change(chunk(task, text, artifactId, i > 0))));
}

export const endTask =
  (task: string, state: TaskState = 'TASK_STATE_COMPLETED', by?: string): Decide =>
  (_draft, at): RecordBody[] => [{ t: 'status', at, task, state, ...(by !== undefined && { by }) }];

/** All that anybody can see of a session: what compaction must leave alone. */
export function shown(session: Session): object {
  const tasks = [...session.tasks()].map((task) => ({
    task: task.toTask(session.ref.sessionId),
    by: task.by,
    alias: task.alias,
    withdrawn: task.withdrawn,
    queued: task.queued,
    turn: task.turn?.n,
    outbox: task.outbox,
  }));
  const { head, lastAt, skipped, readOnly } = session;
  return { head, lastAt, skipped, readOnly, tasks, messages: [...session.messages] };
}

/** What stands in a journal, one word a record: its type in whichever form, `whole`, or `-` where there is none. */
export const wordsOf = (records: readonly StoredRecord[]): string[] =>
  records.map(({ json }) => {
    if (json === null) return '-';
    const body = JSON.parse(json) as { t: string; whole?: true };
    if (body.t === 'chunk') return 'artifact';
    return body.whole === true ? 'whole' : body.t;
  });

/** The identities as a reader makes them out, by number; of records that are not there none. */
export function identitiesOf(records: readonly StoredRecord[]): Map<number, string> {
  const found = new Map<number, string>();
  let before: { instance: string; seq: number } | undefined;
  for (const { n, json } of records) {
    const said = json === null ? undefined : (JSON.parse(json) as { o?: string }).o;
    const counted: typeof before = before && { instance: before.instance, seq: before.seq + 1 };
    before = said === undefined ? counted : parseIdentity(said);
    if (json !== null && before !== undefined) found.set(n, `${before.instance}.${before.seq}`);
  }
  return found;
}
