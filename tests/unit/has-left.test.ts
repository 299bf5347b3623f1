import { expect } from 'chai';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { hasLeft } from '../../server/http/has-left.ts';

const late = (): boolean => true;
const onTime = (): boolean => false;

function exchange() {
  const socket = { destroyed: false, readableEnded: false };
  const req = { socket } as unknown as IncomingMessage;
  const res = { destroyed: false } as unknown as ServerResponse;
  const asked = (wasLate: () => boolean): boolean | Promise<boolean> => hasLeft(req, res, wasLate);
  return { socket, asked };
}

describe('whether a client has left', () => {
  it('is known at once while the event loop is on time', () => {
    const { socket, asked } = exchange();
    expect(asked(onTime)).to.equal(false);
    socket.readableEnded = true;
    expect(asked(onTime)).to.equal(true);
  });

  it('is known to all requests of a late turn once every socket was read once more', async () => {
    const [one, two] = [exchange(), exchange()];
    const answers = Promise.all([one.asked(late), two.asked(late)]);
    await nextTurn();
    one.socket.destroyed = true;
    expect(await answers).to.deep.equal([true, false]);
  });

  it('is not told to a request by the round of one that came a turn before it', async () => {
    const [before, after] = [exchange(), exchange()];
    const first = before.asked(late);
    await nextTurn();
    const second = after.asked(late);
    await nextTurn();
    expect(await first).to.equal(false);
    after.socket.destroyed = true;
    expect(await second).to.equal(true);
  });
});
