import { expect } from 'chai';
import { fromCreated, fromStatus, fromTask } from '../../../server/sessions/plain-json.ts';
import {
  toDecided,
  type CreatedRecord,
  type RecordBody,
  type StatusRecord,
  type TaskRecord,
} from '../../../server/sessions/records.ts';
import { readTaskSummary, toTaskSummary } from '../../../server/sessions/task-summary.ts';
import { TaskFold } from '../../../server/sessions/task-fold.ts';

const at = 1_795_000_000_000;
const message = { messageId: 'm', role: 'ROLE_AGENT' as const, parts: [{ text: 'why' }] };
const created: CreatedRecord = { t: 'created', at };
const task: TaskRecord = { t: 'task', at, task: 'x1', by: 'i-_9.1' };
const status: StatusRecord = { t: 'status', at, task: 'x1', by: 'i.1', state: 'TASK_STATE_COMPLETED' };

/** What a record may have beside what the plain one has: the compiler asks for each member, also for a new one. */
type Rare<R, Plain> = Required<Omit<R, keyof Plain>>;
const ofCreated: Rare<CreatedRecord, { t: 0; at: 0 }> = { subject: 'ann' };
const ofTask: Rare<TaskRecord, { t: 0; at: 0; task: 0; by: 0 }> = {
  dialect: 'v01',
  alias: 'mine',
  subject: 'ann',
  metadata: { a: 1 },
};
const ofStatus: Rare<StatusRecord, { t: 0; at: 0; task: 0; by: 0; state: 0 }> = {
  message,
  metadata: { a: 1 },
  cancel: 'forced',
};
const eachWith = (plain: RecordBody, rare: object): RecordBody[] =>
  Object.entries(rare).map(([name, value]) => ({ ...plain, [name]: value as unknown }));

const RARE: readonly RecordBody[] = [
  ...eachWith(created, ofCreated),
  ...eachWith(task, ofTask),
  ...eachWith(status, ofStatus),
  { ...task, task: '"' },
  { ...task, by: 'é.1' },
  { ...status, task: 'a\\b' },
  { ...status, by: 'a\n.1' },
  { t: 'status', at, task: 'x1', state: 'TASK_STATE_FAILED' },
];

describe('records that are put into words by hand', () => {
  it('are as JSON has them', () => {
    expect(fromCreated(created)).to.equal(JSON.stringify(created));
    expect(fromTask(task)).to.equal(JSON.stringify(task));
    expect(fromStatus(status)).to.equal(JSON.stringify(status));
  });

  for (const body of RARE)
    it(`lose nothing of what is rare: ${JSON.stringify(body)}`, () => {
      expect(toDecided({ instance: 'i', seq: 1 }, body).json).to.equal(JSON.stringify(body));
    });
});

describe('summaries that are put into words by hand', () => {
  for (const by of ['i-_9.1', '.2', '"\\.1', 'é.1'])
    it(`are as JSON has them: run ${by}`, () => {
      const summary = toTaskSummary(new TaskFold({ task: 'x1', at, by }));
      expect(summary).to.equal(JSON.stringify({ state: 'TASK_STATE_SUBMITTED', at, by }));
      expect(readTaskSummary(summary)).to.deep.equal({ state: 'TASK_STATE_SUBMITTED', at, by });
    });
});
