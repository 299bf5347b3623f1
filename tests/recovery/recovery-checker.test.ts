import { expect } from 'chai';
import {
  type Evidence,
  type FaultKind,
  judge,
  type SentMessage,
  type StoredSession,
  type StoredTask,
  type TaskSeen,
} from '../../scripts/recovery/recovery-checker.ts';

/** Evidence that a test may spoil. */
interface Draft {
  sent: SentMessage[];
  stored: (StoredSession & { userTexts: string[]; tasks: StoredTask[] })[];
  shown: Map<string, TaskSeen>;
  recalled: Map<string, string[]>;
}

const CHUNKS = ['chunk 0', 'chunk 1', 'chunk 2'];

const seen = (context: string, text: string, more: Partial<TaskSeen> = {}): TaskSeen => ({
  id: `${context}.${text}`,
  context,
  state: 'completed',
  artifacts: [text.startsWith('slow') ? CHUNKS : [`echo: ${text}`]],
  userTexts: [text],
  ...more,
});

/** Two sessions, the second with a retried task that was cut short: nothing lost, nothing doubled. */
function sound(): Draft {
  const cut = seen('c2', 'slow 3 030', { state: 'failed', artifacts: [CHUNKS.slice(0, 2)] });
  const answers = [seen('c1', 'one'), seen('c1', 'slow 3 30'), seen('c1', 'three'), cut];
  const textsOf = (context: string): string[] =>
    answers.filter((each) => each.context === context).flatMap(({ userTexts }) => userTexts);
  return {
    sent: answers.map((answer) => ({
      text: answer.userTexts[0] ?? '',
      wasRetried: answer === cut,
      answer,
    })),
    stored: ['c1', 'c2'].map((id) => ({
      id,
      userTexts: textsOf(id),
      tasks: answers.filter(({ context }) => context === id),
    })),
    shown: new Map(answers.map((answer) => [answer.userTexts[0] ?? '', answer])),
    recalled: new Map(['c1', 'c2'].map((id) => [id, textsOf(id)])),
  };
}

const replace = <T>(list: T[], at: number, change: Partial<T>): void => {
  list[at] = { ...(list[at] as T), ...change };
};

const PLANTED: readonly (readonly [what: string, plant: (draft: Draft) => void, kind: FaultKind])[] = [
  ['a message that the store does not have', (d) => d.stored[0]?.userTexts.splice(1, 1), 'lost'],
  ['a session that the store does not have', (d) => d.stored.splice(1, 1), 'lost'],
  ['a message that recall does not list', (d) => d.recalled.set('c1', ['one', 'three']), 'lost'],
  ['a task that tasks/get does not find', (d) => d.shown.delete('one'), 'lost'],
  ['a task that lost its message', (d) => d.shown.set('one', seen('c1', 'one', { userTexts: [] })), 'lost'],
  [
    'a message that went to another session than its answer says',
    (d) => {
      d.stored[0]?.userTexts.splice(0, 1);
      d.stored[1]?.userTexts.push('one');
    },
    'lost',
  ],
  ['a message that the store has twice', (d) => d.stored[0]?.userTexts.push('one'), 'duplicated'],
  [
    'a message in a second session',
    (d) => d.stored.push({ id: 'c3', userTexts: ['one'], tasks: [] }),
    'duplicated',
  ],
  ['a message that recall lists twice', (d) => d.recalled.get('c1')?.push('one'), 'duplicated'],
  [
    'a message that is twice in its task',
    (d) => d.shown.set('one', seen('c1', 'one', { userTexts: ['one', 'one'] })),
    'duplicated',
  ],
  [
    'a second task for one message',
    (d) => d.stored[0]?.tasks.push(seen('c1', 'one', { id: 'c1.again' })),
    'second task',
  ],
  [
    'a second task in a second session',
    (d) => d.stored.push({ id: 'c3', userTexts: [], tasks: [seen('c3', 'one')] }),
    'second task',
  ],
  [
    'a task that nobody sent a message for',
    (d) => d.stored[0]?.tasks.push(seen('c1', 'one', { id: 'c1.again', userTexts: [] })),
    'second task',
  ],
  [
    'an answer that is another task now',
    (d) => d.shown.set('one', seen('c1', 'one', { id: 'x' })),
    'second task',
  ],
  [
    'a task that is shown working',
    (d) => d.shown.set('one', seen('c1', 'one', { state: 'working' })),
    'unfinished',
  ],
  [
    'a task that was answered working',
    (d) => {
      replace(d.sent, 0, { answer: seen('c1', 'one', { state: 'working' }) });
    },
    'unfinished',
  ],
  [
    'a task that is stored submitted',
    (d) => d.stored[0]?.tasks.splice(0, 1, seen('c1', 'one', { state: 'submitted' })),
    'unfinished',
  ],
  [
    'a task that failed though nothing interrupted it',
    (d) => d.shown.set('one', seen('c1', 'one', { state: 'failed', artifacts: [] })),
    'wrong answer',
  ],
  [
    'an artifact that is there twice',
    (d) => d.shown.set('one', seen('c1', 'one', { artifacts: [['echo: one'], ['echo: one']] })),
    'wrong answer',
  ],
  [
    'a chunk that was appended twice',
    (d) => d.shown.set('slow 3 30', seen('c1', 'slow 3 30', { artifacts: [['chunk 0', ...CHUNKS]] })),
    'wrong answer',
  ],
  [
    'a chunk that is missing in what was cut short',
    (d) => d.shown.set('slow 3 030', seen('c2', 'slow 3 030', { state: 'failed', artifacts: [['chunk 1']] })),
    'wrong answer',
  ],
  [
    'a completed task without its artifact',
    (d) => d.shown.set('one', seen('c1', 'one', { artifacts: [] })),
    'wrong answer',
  ],
  ['another order in recall', (d) => d.recalled.get('c1')?.reverse(), 'wrong order'],
  ['another order in the store', (d) => d.stored[0]?.userTexts.reverse(), 'wrong order'],
  [
    'a message that nobody answered',
    (d) => {
      replace(d.sent, 0, { answer: undefined });
    },
    'unanswered',
  ],
  [
    'a store that is behind as a rule',
    (d) => {
      for (const n of [0, 1, 2]) replace(d.sent, n, { isUnconfirmed: true });
    },
    'unanswered',
  ],
  ['a text that nobody sent', (d) => d.recalled.get('c1')?.push('hello?'), 'never sent'],
];

describe('the recovery check', () => {
  it('finds nothing wrong with a run that lost and doubled nothing, and counts it', () => {
    expect(judge(sound())).to.deep.equal({
      faults: [],
      sent: 4,
      acknowledged: 4,
      unconfirmed: 0,
      found: 4,
      lost: 0,
      duplicated: 0,
      tasksExpected: 4,
      tasksFound: 4,
    });
  });

  for (const [what, plant, kind] of PLANTED) {
    it(`finds ${what}: ${kind}`, () => {
      const draft = sound();
      plant(draft);
      const { faults } = judge(draft satisfies Evidence);
      expect(faults.map((fault) => fault.kind)).to.include(kind);
    });
  }

  it('counts a message once, however often it is missed', () => {
    const draft = sound();
    draft.stored.splice(0, 1);
    draft.shown.delete('one');
    draft.recalled.delete('c2');
    expect(judge(draft)).to.include({ acknowledged: 4, lost: 4, found: 0, tasksFound: 1 });
  });

  it('lets a message that was answered as not stored, and killed then, be stored once or not at all', () => {
    const draft = sound();
    replace(draft.sent, 2, { isUnconfirmed: true });
    expect(judge(draft)).to.deep.include({ faults: [], acknowledged: 3, unconfirmed: 1 });
    draft.stored[0]?.userTexts.pop();
    draft.stored[0]?.tasks.pop();
    draft.recalled.get('c1')?.pop();
    draft.shown.delete('three');
    expect(judge(draft)).to.deep.include({ faults: [], lost: 0 });
    draft.stored[0]?.userTexts.push('three', 'three');
    expect(judge(draft)).to.include({ lost: 0, duplicated: 1 });
  });

  it('lets a message that was never answered be stored once or not at all, but not twice', () => {
    const draft = sound();
    replace(draft.sent, 2, { answer: undefined });
    expect(judge(draft)).to.include({ acknowledged: 3, lost: 0, duplicated: 0 });
    draft.stored[0]?.userTexts.pop();
    expect(judge(draft)).to.include({ lost: 0, duplicated: 0 });
    draft.stored[0]?.userTexts.push('three', 'three');
    expect(judge(draft)).to.include({ lost: 0, duplicated: 1 });
  });
});
