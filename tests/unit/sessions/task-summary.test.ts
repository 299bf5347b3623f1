import { expect } from 'chai';
import { readTaskSummary, SUMMARY_MAX_BYTES } from '../../../server/sessions/task-summary.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { begin, changeOnce, createTestManager, moveTo, refOf, say } from '../../helpers/sessions.ts';
import type { StoredMessage } from '../../../server/sessions/records.ts';

const WAITING = 'TASK_STATE_INPUT_REQUIRED';

const question = (text: string): StoredMessage => ({
  messageId: 'q',
  role: 'ROLE_AGENT',
  parts: [{ text }],
});

describe('the summary of a task', () => {
  const store = () => new MemorySessionStore();
  const summaryIn = async (inner: MemorySessionStore) => {
    const { tasks } = await inner.listTasks(refOf().tenant, { limit: 10 });
    expect(tasks).to.have.length(1);
    return readTaskSummary(tasks[0]?.summary ?? '');
  };

  it('says what a list shows of it', async () => {
    const inner = store();
    const { manager } = createTestManager(inner);
    await changeOnce(manager, begin('t', 'hi', 'i1.1', { alias: 'mine', subject: 'ann' }));
    expect(await summaryIn(inner)).to.deep.include({
      state: 'TASK_STATE_SUBMITTED',
      by: 'i1.1',
      alias: 'mine',
    });
    await changeOnce(manager, (_draft, at) => [
      { t: 'status', at, task: 't', state: WAITING, message: question('which?'), metadata: { a: 1 } },
    ]);
    const summary = await summaryIn(inner);
    expect(summary).to.deep.include({ state: WAITING, message: question('which?'), metadata: { a: 1 } });
    expect(summary?.long).to.equal(undefined);
    await changeOnce(manager, moveTo('t', 'TASK_STATE_CANCELED'));
    expect(await summaryIn(inner)).to.deep.include({ state: 'TASK_STATE_CANCELED', metadata: { a: 1 } });
  });

  it('loses the question when it is answered, before anything else comes of the answer', async () => {
    const inner = store();
    const { manager } = createTestManager(inner);
    await changeOnce(manager, begin('t', 'hi'));
    await changeOnce(manager, (_draft, at) => [
      { t: 'status', at, task: 't', state: WAITING, message: question('which?') },
    ]);
    await changeOnce(manager, say('t', 'blue'));
    const summary = await summaryIn(inner);
    expect(summary?.state).to.equal(WAITING);
    expect(summary).to.not.have.property('message');
  });

  it('says so where the message is too long for it', async () => {
    const inner = store();
    const { manager } = createTestManager(inner);
    const room = SUMMARY_MAX_BYTES - JSON.stringify({ message: question('') }).length;
    await changeOnce(manager, begin('t', 'hi'));
    for (const [text, isLong] of [
      ['x'.repeat(room), undefined],
      ['x'.repeat(room + 1), true],
      ['ä'.repeat(room / 2 + 1), true],
    ] as const) {
      await changeOnce(manager, (_draft, at) => [
        { t: 'status', at, task: 't', state: 'TASK_STATE_WORKING', message: question(text) },
      ]);
      const summary = await summaryIn(inner);
      expect(summary?.long).to.equal(isLong);
      expect(summary?.message === undefined).to.equal(isLong === true);
    }
  });

  it('is not read from anything else', () => {
    for (const json of ['', '{', 'null', '7', '{}', '{"state":"done"}'])
      expect(readTaskSummary(json)).to.equal(undefined);
  });
});
