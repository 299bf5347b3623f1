import { expect } from 'chai';
import { AnsweredMessages } from '../../../server/sessions/answered-messages.ts';

describe('the messages whose answer was delivered', () => {
  it('were answered for whoever asks behind their delivery, and not for who asked before it', () => {
    const answered = new AnsweredMessages();
    answered.deliver(3, 100);
    answered.deliver(3, 200);
    answered.add(4);
    expect([answered.wasBy(3, 99), answered.wasBy(3, 100)]).to.deep.equal([false, true]);
    expect([answered.wasBy(4, 0), answered.wasBy(5, 1_000)]).to.deep.equal([true, false]);
    expect([...answered]).to.deep.equal([3, 4]);
  });

  it('lose those behind a head, and know again when they were delivered once the store says so', () => {
    const answered = new AnsweredMessages();
    for (const n of [2, 3, 4]) answered.deliver(n, 100 * n);
    answered.dropBehind(3);
    answered.dropBehind(3);
    expect([...answered]).to.deep.equal([2, 3]);
    answered.dropBehind(2);
    expect([...answered]).to.deep.equal([2]);
    answered.add(4);
    expect([answered.wasBy(4, 399), answered.wasBy(4, 400)]).to.deep.equal([false, true]);
    answered.dropBehind(2);
    expect(answered.has(4)).to.equal(false);
  });

  it('are those of a copy that was read anew, delivered when they were unless the session is another', () => {
    const read = new AnsweredMessages();
    for (const n of [2, 5]) read.add(n);
    const answered = new AnsweredMessages();
    for (const n of [1, 2]) answered.deliver(n, 100);
    answered.adopt(read, true);
    expect([...answered]).to.deep.equal([2, 5]);
    expect([answered.wasBy(2, 99), answered.wasBy(5, 0)]).to.deep.equal([false, true]);
    answered.adopt(read, false);
    expect(answered.wasBy(2, 0)).to.equal(true);
    answered.clear();
    expect([...answered]).to.deep.equal([]);
  });
});
