import { expect } from 'chai';
import { Audiences } from '../../../server/a2a/audience.ts';
import type { LiveSession } from '../../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { chunk } from '../../helpers/following.ts';
import { begin, createTestManager, moveTo, opened } from '../../helpers/sessions.ts';

describe('the readers of a task', () => {
  let session: LiveSession;
  let audiences: Audiences;
  beforeEach(async () => {
    const { manager } = createTestManager(new MemorySessionStore());
    session = await opened(manager);
    await session.change(begin('t1', 'hello'));
    await session.change(begin('t2', 'another'));
    audiences = new Audiences();
  });

  const resting = (): { wentAt: number[]; readonly rest: () => () => void } => {
    const wentAt: number[] = [];
    const audience = audiences.enter(session, 't1');
    const rest = () => {
      const go = (): void => {
        audience.cancel(go);
        wentAt.push(performance.now());
      };
      audience.rest(go);
      return go;
    };
    return { wentAt, rest };
  };

  it('are one audience as long as there is one of them, and those of another task another', () => {
    const one = audiences.enter(session, 't1');
    expect(audiences.enter(session, 't1')).to.equal(one);
    const other = audiences.enter(session, 't2');
    expect(other).to.not.equal(one);
    audiences.leave(session, 't1');
    expect(audiences.enter(session, 't1')).to.equal(one);
    audiences.leave(session, 't1');
    audiences.leave(session, 't1');
    expect(one.readers).to.equal(0);
    expect(audiences.enter(session, 't1')).to.not.equal(one);
    audiences.leave(session, 't2');
  });

  it('rest together, each until the same moment, whatever is said meanwhile', async () => {
    const { wentAt, rest } = resting();
    rest();
    rest();
    await session.change(chunk('a'));
    expect(wentAt).to.have.length(0);
    await eventually(() => wentAt.length === 2);
    rest();
    expect(wentAt).to.have.length(2);
    await eventually(() => wentAt.length === 3);
  });

  it('go on at once when the task ends or waits for its client, and do not rest then', async () => {
    for (const state of ['TASK_STATE_INPUT_REQUIRED', 'TASK_STATE_COMPLETED'] as const) {
      const { wentAt, rest } = resting();
      await session.change(moveTo('t1', 'TASK_STATE_WORKING'));
      rest();
      rest();
      expect(wentAt).to.have.length(0);
      await session.change(moveTo('t1', state));
      expect(wentAt).to.have.length(2);
      rest();
      expect(wentAt).to.have.length(3);
    }
  });

  it('are not called any more once they have left', async () => {
    const { wentAt, rest } = resting();
    const audience = audiences.enter(session, 't1');
    audience.cancel(rest());
    rest();
    await eventually(() => wentAt.length > 0);
    expect(wentAt).to.have.length(1);
    audience.cancel(rest());
    await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
    expect(wentAt).to.have.length(1);
  });
});
