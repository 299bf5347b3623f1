import { expect } from 'chai';
import { TaskEvents } from '../../../server/a2a/task-events.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { begin, createTestManager, opened, userMessage } from '../../helpers/sessions.ts';

const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const ids = { taskId: 's1.t1', contextId: 's1' };
const of = { dialect: 'v01', alias: 'mine' } as const;

describe('the events of a task', () => {
  let session: LiveSession;
  let events: TaskEvents;
  beforeEach(async () => {
    const { manager } = createTestManager(new MemorySessionStore());
    session = await opened(manager);
    await session.change(begin('t1', 'hello'));
    events = new TaskEvents(session, 't1', of);
  });

  const artifact = (artifactId: string, more: object = {}): RecordBody => ({
    t: 'artifact',
    at: AT,
    task: 't1',
    artifact: { artifactId, parts: [{ text: 'x' }] },
    ...more,
  });

  it('are its statuses, with what they say', () => {
    const message = userMessage('why');
    const status: RecordBody = {
      t: 'status',
      at: AT,
      task: 't1',
      state: 'TASK_STATE_FAILED',
      message,
      metadata: { a: 1 },
    };
    expect(events.toEvent(status, true)).to.deep.equal({
      kind: 'statusUpdate',
      update: {
        ...ids,
        status: {
          state: 'TASK_STATE_FAILED',
          timestamp: '2026-01-02T03:04:05.678Z',
          message: { ...message, ...ids },
        },
        metadata: { a: 1 },
      },
      of,
      final: true,
    });
  });

  it('are its turns: it is working again', () => {
    expect(events.toEvent({ t: 'run', at: AT, task: 't1', by: 'i1.2', next: true }, false)).to.deep.equal({
      kind: 'statusUpdate',
      update: { ...ids, status: { state: 'TASK_STATE_WORKING', timestamp: '2026-01-02T03:04:05.678Z' } },
      of,
      final: false,
    });
  });

  it('are its artifacts, each with its position among them', async () => {
    await session.change((_draft, at) => [
      { ...artifact('a'), at },
      { ...artifact('b'), at },
    ]);
    const index = (id: string): number | undefined => {
      const event = events.toEvent(artifact(id), false);
      return event?.kind === 'artifactUpdate' ? event.index : undefined;
    };
    expect([index('b'), index('a')]).to.deep.equal([1, 0]);
    await session.change((_draft, at) => [{ ...artifact('c'), at }]);
    expect([index('a'), index('b'), index('c')]).to.deep.equal([0, 1, 2]);
    const more = { append: true, last: false, metadata: { b: 2 } };
    expect(events.toEvent(artifact('b', more), false)).to.deep.equal({
      kind: 'artifactUpdate',
      update: {
        ...ids,
        artifact: { artifactId: 'b', parts: [{ text: 'x' }] },
        append: true,
        lastChunk: false,
        metadata: { b: 2 },
      },
      of,
      index: 1,
    });
  });

  it('are a bare message instead', () => {
    const message = userMessage('hi');
    expect(events.toEvent({ t: 'reply', at: AT, task: 't1', by: 'i1.1', message }, true)).to.deep.equal({
      kind: 'message',
      message: { ...message, contextId: 's1' },
    });
  });

  it('are none of what is no news of the task', () => {
    const message = userMessage('hi');
    const silent: RecordBody[] = [
      artifact('a', { whole: true }),
      { t: 'created', at: AT },
      { t: 'message', at: AT, task: 't1', message },
      { t: 'state', at: AT, task: 't1', by: 'i1.1', key: 'k', value: 1 },
      { t: 'push', at: AT, task: 't1', id: 'p', config: { url: 'https://a.example' } },
      { t: 'unpush', at: AT, task: 't1', id: 'p' },
      { t: 'receipt', at: AT, task: 't1', id: 'p' },
      { t: 'compacted', at: AT, task: 't1', from: 1, to: 2 },
      { t: 'refused', at: AT, why: 'x', record: { t: 'message', at: AT, task: 't1', message } },
    ];
    expect(silent.filter((body) => events.toEvent(body, false) !== undefined)).to.deep.equal([]);
  });
});
