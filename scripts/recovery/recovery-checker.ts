/** What clients were told, what the server shows, what the store holds, and what is wrong between them. Pure. */

/** A task as somebody saw it: a client in an answer, or the check with `tasks/get`. */
export interface TaskSeen {
  readonly id: string;
  /** Its session. */
  readonly context: string;
  /** `completed`, `failed`, … in every dialect. */
  readonly state: string;
  /** Texts of the parts, artifact by artifact. */
  readonly artifacts: readonly (readonly string[])[];
  /** The user's messages in its history. */
  readonly userTexts: readonly string[];
}

/** One message of a client. Within a conversation they are given in the order in which they were sent. */
export interface SentMessage {
  /** One of a kind in the whole run: what makes loss and duplication countable. */
  readonly text: string;
  /** Sent more than once, because the server was killed before it had answered: only then may its task have failed. */
  readonly wasRetried: boolean;
  /** The task it was answered with; undefined when nobody answered within the deadline, or with an error. */
  readonly answer: TaskSeen | undefined;
  readonly refusal?: string;
  /** The answer said that the store had not got it yet, and the server was killed before it had. */
  readonly isUnconfirmed?: boolean;
}

export interface StoredTask {
  readonly id: string;
  readonly state: string;
  readonly artifacts: readonly (readonly string[])[];
  readonly userTexts: readonly string[];
}

/** A session as the store holds it, read without the server. */
export interface StoredSession {
  readonly id: string;
  /** In the order of the journal. */
  readonly userTexts: readonly string[];
  readonly tasks: readonly StoredTask[];
}

export interface Evidence {
  readonly sent: readonly SentMessage[];
  readonly stored: readonly StoredSession[];
  /** By message text: what `tasks/get` shows of the task it was answered with. */
  readonly shown: ReadonlyMap<string, TaskSeen>;
  /** By session: the lines of `recall`. */
  readonly recalled: ReadonlyMap<string, readonly string[]>;
}

export type FaultKind =
  | 'unanswered'
  | 'lost'
  | 'duplicated'
  | 'second task'
  | 'unfinished'
  | 'wrong answer'
  | 'wrong order'
  | 'never sent';

export interface Fault {
  readonly kind: FaultKind;
  /** The message, or the session where it is the order that is wrong. */
  readonly what: string;
  readonly detail: string;
}

export interface Verdict {
  readonly faults: readonly Fault[];
  readonly sent: number;
  readonly acknowledged: number;
  /** Answered as not stored yet, and killed before that: not acknowledged, may be there or not. */
  readonly unconfirmed: number;
  /** Acknowledged and found everywhere. */
  readonly found: number;
  readonly lost: number;
  /** Messages that are there twice, or have two tasks. */
  readonly duplicated: number;
  readonly tasksExpected: number;
  readonly tasksFound: number;
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'canceled', 'rejected']);

/** What the demo agent answers to a text. */
export function expectedArtifacts(text: string): string[][] {
  const chunks = /^slow (\d+) \d+$/.exec(text)?.[1];
  if (chunks === undefined) return [[`echo: ${text}`]];
  return [Array.from({ length: Number(chunks) }, (_, n) => `chunk ${n}`)];
}

/** A store that is never away may be slow now and then, not as a rule. */
const UNCONFIRMED_MAX_SHARE = 0.05;
const UNCONFIRMED_MAX_FEW = 2;

export function judge(evidence: Evidence): Verdict {
  const { sent, stored } = evidence;
  const acknowledged = sent.filter(isAcknowledged);
  const faults = [
    ...sent.flatMap((message) => messageFaults(message, evidence)),
    ...orderFaults(evidence),
    ...strangers(evidence),
    ...excess(sent),
  ];
  const affected = (...kinds: FaultKind[]): number =>
    new Set(faults.filter(({ kind }) => kinds.includes(kind)).map(({ what }) => what)).size;
  const lost = affected('lost');
  return {
    faults,
    sent: sent.length,
    acknowledged: acknowledged.length,
    unconfirmed: sent.filter(({ isUnconfirmed }) => isUnconfirmed).length,
    found: acknowledged.length - lost,
    lost,
    duplicated: affected('duplicated', 'second task'),
    tasksExpected: acknowledged.length,
    tasksFound: stored.reduce((sum, { tasks }) => sum + tasks.length, 0),
  };
}

const isAcknowledged = ({ answer, isUnconfirmed }: SentMessage): boolean =>
  answer !== undefined && isUnconfirmed !== true;

const times = (text: string, texts: readonly string[]): number =>
  texts.filter((each) => each === text).length;

function messageFaults(message: SentMessage, { stored, shown, recalled }: Evidence): Fault[] {
  const { text, answer } = message;
  const faults: Fault[] = [];
  const fault = (kind: FaultKind, detail: string): void => {
    faults.push({ kind, what: text, detail });
  };
  /** What was not acknowledged may be there or not, but not twice. */
  const count = (found: number, where: string): void => {
    if (found === 0 && isAcknowledged(message)) fault('lost', `not in ${where}`);
    if (found > 1) fault('duplicated', `${found} times in ${where}`);
  };

  const tasks = stored.flatMap((session) =>
    session.tasks.filter(({ userTexts }) => userTexts.includes(text)),
  );
  if (tasks.length > 1) fault('second task', tasks.map(({ id }) => id).join(' and '));
  count(
    stored.reduce((sum, { userTexts }) => sum + times(text, userTexts), 0),
    'the store',
  );
  if (answer === undefined) {
    fault('unanswered', message.refusal ?? 'no answer within the deadline');
    return faults;
  }
  if (!isAcknowledged(message)) return faults;
  const home = stored.find(({ id }) => id === answer.context);
  if (home !== undefined) count(times(text, home.userTexts), `its session ${answer.context} in the store`);
  count(times(text, recalled.get(answer.context) ?? []), 'recall');

  const now = shown.get(text);
  count(now === undefined ? 0 : times(text, now.userTexts), 'tasks/get');
  for (const [where, task] of [
    ['the answer', answer],
    ['tasks/get', now],
    ['the store', tasks[0]],
  ] as const) {
    if (task === undefined) continue;
    if (!ENDED.has(task.state)) fault('unfinished', `${task.state} in ${where}`);
    else if (!isAnswerTo(message, task)) fault('wrong answer', `${describe(task)} in ${where}`);
  }
  if (now !== undefined && now.id !== answer.id) fault('second task', `${answer.id}, later ${now.id}`);
  return faults;
}

/** Its artifact exactly once; of a task that was interrupted as much of it as there was. */
function isAnswerTo({ text, wasRetried }: SentMessage, task: Pick<TaskSeen, 'state' | 'artifacts'>): boolean {
  const expected = expectedArtifacts(text);
  if (task.state === 'completed') return JSON.stringify(task.artifacts) === JSON.stringify(expected);
  if (task.state !== 'failed' || !wasRetried || task.artifacts.length > 1) return false;
  const [parts = []] = task.artifacts;
  return parts.every((part, n) => part === expected[0]?.[n]);
}

const describe = ({ state, artifacts }: Pick<TaskSeen, 'state' | 'artifacts'>): string =>
  `${state} with ${JSON.stringify(artifacts)}`;

/** By session: what was acknowledged in it, in the order in which it was sent. */
function acknowledgedTexts(sent: readonly SentMessage[]): Map<string, string[]> {
  const texts = new Map<string, string[]>();
  for (const { text, answer } of sent) {
    if (answer !== undefined) texts.set(answer.context, [...(texts.get(answer.context) ?? []), text]);
  }
  return texts;
}

function orderFaults({ sent, stored, recalled }: Evidence): Fault[] {
  const faults: Fault[] = [];
  for (const [context, expected] of acknowledgedTexts(sent)) {
    const known = new Set(expected);
    const check = (texts: readonly string[] | undefined, where: string): void => {
      // What is missing or doubled is told of the message; here only the order counts.
      const first = [...new Set(texts)].filter((text) => known.has(text));
      const there = new Set(first);
      const wanted = expected.filter((text) => there.has(text));
      const at = wanted.findIndex((text, n) => text !== first[n]);
      if (at < 0) return;
      const detail = `${where} has ${JSON.stringify(first[at])} where ${JSON.stringify(wanted[at])} was sent`;
      faults.push({ kind: 'wrong order', what: context, detail });
    };
    check(recalled.get(context), 'recall');
    check(stored.find(({ id }) => id === context)?.userTexts, 'the store');
  }
  return faults;
}

function excess(sent: readonly SentMessage[]): Fault[] {
  const unconfirmed = sent.filter(({ isUnconfirmed }) => isUnconfirmed);
  if (unconfirmed.length <= Math.max(UNCONFIRMED_MAX_FEW, sent.length * UNCONFIRMED_MAX_SHARE)) return [];
  const detail = `answered as not stored yet, like ${unconfirmed.length} of ${sent.length}`;
  return unconfirmed.map(({ text }) => ({ kind: 'unanswered', what: text, detail }));
}

/** Texts that no client sent, and tasks without a message. */
function strangers({ sent, stored, recalled }: Evidence): Fault[] {
  const known = new Set(sent.map(({ text }) => text));
  const unknown = (texts: readonly string[], detail: string): Fault[] =>
    texts.filter((text) => !known.has(text)).map((what) => ({ kind: 'never sent', what, detail }));
  return [
    ...stored.flatMap(({ id, userTexts }) => unknown(userTexts, `in the store in ${id}`)),
    ...[...recalled].flatMap(([context, texts]) => unknown(texts, `in recall of ${context}`)),
    ...stored.flatMap(({ tasks }) =>
      tasks
        .filter(({ userTexts }) => userTexts.length === 0)
        .map(({ id }): Fault => ({ kind: 'second task', what: id, detail: 'a task without a message' })),
    ),
  ];
}
