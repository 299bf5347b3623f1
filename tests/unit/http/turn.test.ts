import { expect } from 'chai';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Turn } from '../../../server/http/turn.ts';

describe('a turn of the event loop', () => {
  const done: string[] = [];
  const write = (name: string) => (): void => {
    done.push(name);
  };

  beforeEach(() => {
    done.length = 0;
  });

  it('lets go at its end, in order, what was asked in it', async () => {
    const turn = new Turn();
    const asked = turn.number;
    turn.leave(asked, write('a'));
    await Promise.resolve();
    turn.leave(turn.number, write('b'));
    expect(done).to.deep.equal([]);
    await nextTurn();
    expect(done).to.deep.equal(['a', 'b']);
  });

  it('lets go at once what was asked in an earlier one, also while others wait', async () => {
    const turn = new Turn();
    const asked = turn.number;
    await nextTurn();
    turn.leave(asked, write('late'));
    expect(done).to.deep.equal(['late']);
    turn.leave(turn.number, write('new'));
    turn.leave(asked, write('later'));
    expect(done).to.deep.equal(['late', 'later']);
    await nextTurn();
    expect(done).to.deep.equal(['late', 'later', 'new']);
  });

  it('holds nothing back when it is over', async () => {
    const turn = new Turn();
    const asked = turn.number;
    await nextTurn();
    await nextTurn();
    turn.leave(asked, write('a'));
    expect(done).to.deep.equal(['a']);
  });
});
