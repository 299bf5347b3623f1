/** A session for people to read, and the same as JSON. */
import type { Message } from '../../protocol/model.ts';
import type { ScannedJournal } from '../sessions/journal-scan.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { shownMoment } from './console.ts';
import { namedRef, shownPlace } from './open-store.ts';
import { printable, shownBytes, shownDuration, textTable } from './text-table.ts';

type Said = Pick<Message, 'role' | 'parts'>;

/** Counts, not words: what was said is the user's. */
function sizeOf({ parts }: Said): string {
  const bytes = Buffer.byteLength(JSON.stringify(parts));
  return `${parts.length} ${parts.length === 1 ? 'part' : 'parts'}, ${shownBytes(bytes)}`;
}

function textOf({ parts }: Said): string {
  return parts.map((part) => ('text' in part ? part.text : JSON.stringify(part))).join('\n');
}

const who = ({ role }: Said): string => (role === 'ROLE_USER' ? 'user' : 'agent');
export const stateOf = (state: string): string => state.slice('TASK_STATE_'.length).toLowerCase();

function webhooksOf(task: TaskFold) {
  return [...(task.outbox?.webhooks.values() ?? [])].map(({ id, config, parked, tries, next }) => ({
    id,
    // The path of a webhook is often a secret.
    origin: URL.canParse(config.url) ? new URL(config.url).origin : '?',
    state: parked ? 'parked' : tries > 0 ? 'retrying' : 'ready',
    tries,
    ...(next > 0 && { next: shownMoment(next) }),
  }));
}

/** @param content whether what was said is in it */
export function toJsonView({ snapshot, session, damaged, lost, unknown }: ScannedJournal, content: boolean) {
  const { cursor, remainingMs, bytes } = snapshot;
  const messages = [...session.messages].map(({ n, at, task, message }) => ({
    ...{ record: n, at: shownMoment(at), task, role: who(message), messageId: message.messageId },
    ...(content ? { parts: message.parts } : { parts: message.parts.length }),
  }));
  const tasks = session.tasks().map((task) => ({
    id: joinTaskId(session.ref.sessionId, task.local),
    state: stateOf(task.state),
    at: shownMoment(task.statusAt),
    withdrawn: task.withdrawn,
    runner: task.runner,
    attempt: task.attempt,
    artifacts: [...task.artifacts.values()].map(({ artifactId }) => artifactId),
    webhooks: webhooksOf(task),
  }));
  return {
    ...namedRef(session.ref),
    epoch: cursor.epoch,
    records: cursor.head,
    bytes,
    remainingMs,
    lastAt: shownMoment(session.lastAt),
    readOnly: session.readOnly,
    damaged,
    lost,
    unknown,
    messages,
    tasks,
  };
}

/** @param content whether what was said is in it */
export function toTextView(scanned: ScannedJournal, content: boolean): string {
  const { snapshot, session, damaged, lost, unknown } = scanned;
  const { cursor, remainingMs, bytes } = snapshot;
  const lines = [
    `session ${printable(session.ref.sessionId)} of ${printable(shownPlace(session.ref.tenant))}`,
    `  ${cursor.head} records, ${shownBytes(bytes)}, last ${shownMoment(session.lastAt)}, expires in ${shownDuration(remainingMs)}`,
    ...[
      ['damaged', damaged],
      ['lost', lost],
      ['of an unknown type', unknown],
    ].map(([what, numbers]) => (numbers?.length ? `  records ${String(what)}: ${String(numbers)}` : '')),
    ...(session.readOnly ? ['  read-only: changes are refused until it is repaired or deleted'] : []),
  ].filter((line) => line !== '');
  const tasks = session.tasks();
  const turns = [...session.messages].map(({ n, at, task, message }) => {
    const head = [String(n), shownMoment(at), printable(task), who(message), sizeOf(message)];
    return { head, text: textOf(message) };
  });
  const headings = ['record', 'time', 'task', 'who', 'what'];
  const heads = textTable([headings, ...turns.map(({ head }) => head)]).split('\n');
  const said = turns.flatMap(({ text }, i) => [
    `  ${heads[i + 1] ?? ''}`,
    ...(content ? text.split('\n').map((line) => `      ${printable(line)}`) : []),
  ]);
  const table = textTable([
    ['task', 'state', 'since', 'runner', 'attempt', 'artifacts', 'webhooks'],
    ...tasks.map((task) => [
      printable(task.local),
      task.withdrawn ? 'withdrawn' : stateOf(task.state),
      shownMoment(task.statusAt),
      task.runner === '' ? '-' : printable(task.runner),
      String(task.attempt),
      String([...task.artifacts.values()].length),
      webhooksOf(task)
        .map(({ origin, state }) => `${printable(origin)} (${state})`)
        .join(' ') || '-',
    ]),
  ]);
  const shown = table.trimEnd().split('\n');
  return `${[...lines, '', ...shown.map((line) => `  ${line}`), '', `  ${heads[0] ?? ''}`, ...said].join('\n')}\n`;
}
