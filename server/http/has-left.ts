import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';

/** So long after the event loop was late it may still be working off what came in meanwhile. */
const AFTERMATH_MS: DurationMs = 1_000;

/**
 * Whether the client of a request that was read and not yet begun has left: it has not got an answer and may be asking
 * another instance by now, so that doing it here would do it twice. After a pause of the whole process requests lie in
 * their sockets with the end of the connection behind them, and that is read only in the loop's next turn.
 *
 * @param wasLateSince whether the event loop was late since then (`performance.now()`)
 */
export function hasLeft(
  req: IncomingMessage,
  res: ServerResponse,
  wasLateSince: (since: number) => boolean,
  now: DurationMs = performance.now(),
): boolean | Promise<boolean> {
  return wasLateSince(now - AFTERMATH_MS) ? hasLeftSoon(req, res) : isGone(req, res);
}

async function hasLeftSoon(req: IncomingMessage, res: ServerResponse): Promise<boolean> {
  await (nextRound ??= waitForRound());
  return isGone(req, res);
}

/** One for all requests that were read in the same turn: after a pause there may be thousands. */
let nextRound: Promise<void> | undefined;

/** The rest of this turn, and one in which every socket is read once more. */
async function waitForRound(): Promise<void> {
  await nextTurn();
  nextRound = undefined;
  await nextTurn();
}

const isGone = ({ socket }: IncomingMessage, res: ServerResponse): boolean =>
  res.destroyed || socket.destroyed || socket.readableEnded;
