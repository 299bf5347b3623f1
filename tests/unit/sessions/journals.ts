import fc from 'fast-check';
import { TASK_STATES } from '../../../protocol/task-state.ts';
import {
  toDecided,
  type DecidedRecord,
  type JournalRecord,
  type RecordBody,
} from '../../../server/sessions/records.ts';
import { fromStoredJson, saysIdentity, toStoredJson } from '../../../server/sessions/stored-json.ts';
import { Session } from '../../../server/sessions/session.ts';
import { refOf, userMessage } from '../../helpers/sessions.ts';

const TASKS = ['t1', 't2', 't3'];
const INSTANCES = ['i1', 'i2'];

const body: fc.Arbitrary<RecordBody> = fc
  .record({
    t: fc.constantFrom<RecordBody['t']>(
      'task',
      'message',
      'message',
      'run',
      'status',
      'status',
      'cancel',
      'handover',
      'artifact',
      'reply',
      'state',
      'push',
      'unpush',
      'receipt',
      'refused',
    ),
    at: fc.integer({ min: 1, max: 1_000 }),
    task: fc.constantFrom(...TASKS),
    by: fc.constantFrom('i1.1', 'i1.2', 'i2.1'),
    state: fc.constantFrom(...TASK_STATES),
    text: fc.string(),
    flag: fc.boolean(),
    artifactId: fc.constantFrom('a', 'b'),
  })
  .map(({ t, at, task, by, state, text, flag, artifactId }): RecordBody => {
    const message = userMessage(text, 'm');
    const parts = [{ text }];
    switch (t) {
      case 'task':
        return { t, at, task, by, ...(flag && { alias: 'a', subject: text, dialect: 'v01' as const }) };
      case 'run':
        return { t, at, task, by, ...(flag && { next: true as const }) };
      case 'status':
        return { t, at, task, state, ...(flag && { by, message, metadata: { [text]: text } }) };
      case 'cancel':
        return { t, at, task, ...(flag && { by }) };
      case 'handover':
        return { t, at, task, by };
      case 'artifact':
        return { t, at, task, artifact: { artifactId, parts }, ...(flag && { append: true as const }) };
      case 'reply':
        return { t, at, task, by, message };
      case 'state':
        return { t, at, task, by, key: artifactId, value: text };
      case 'push':
        return { t, at, task, id: artifactId, config: { url: `https://example.com/${text}` } };
      case 'unpush':
        return { t, at, task, id: artifactId };
      case 'receipt':
        return { t, at, task, id: artifactId, ...(flag ? { upTo: at % 40 } : { tries: 1, next: at }) };
      case 'refused':
        return { t, at, why: text, record: { t: 'message', at, task, message } };
      default:
        return { t: 'message', at, task, message };
    }
  });

export interface Step {
  readonly body: RecordBody;
  readonly instance: string;
  readonly startsCommit: boolean;
}

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ body, instance: fc.constantFrom(...INSTANCES), startsCommit: fc.boolean() }),
  { minLength: 1, maxLength: 40 },
);

/** The same records twice: as they were decided, and as they come back from the store. */
export function journalOf(list: readonly Step[]): { decided: JournalRecord[]; stored: JournalRecord[] } {
  const decided: JournalRecord[] = [];
  const stored: JournalRecord[] = [];
  const seqs = new Map<string, number>();
  let last: DecidedRecord | undefined;
  list.forEach(({ body: content, instance, startsCommit }, i) => {
    const seq = (seqs.get(instance) ?? 0) + 1;
    seqs.set(instance, seq);
    const record = toDecided({ instance, seq }, content);
    // A commit is one instance's.
    const before = startsCommit || last?.identity.instance !== instance ? undefined : last;
    const json = toStoredJson(record, last?.identity, before);
    const read = fromStoredJson(i + 1, json, stored.at(-1)?.identity);
    if (read === undefined) throw new Error(`does not come back: ${json}`);
    const { identity, body: said, bytes } = record;
    const says = saysIdentity(record, before);
    decided.push({ n: i + 1, identity, body: said, bytes, skippable: false, says });
    stored.push(read);
    last = record;
  });
  return { decided, stored };
}

export function fold(records: readonly JournalRecord[], into = new Session(refOf(), 'e1')): Session {
  for (const record of records) into.apply(record);
  return into;
}

export const CREATED: Step = { body: { t: 'created', at: 1 }, instance: 'i1', startsCommit: true };
