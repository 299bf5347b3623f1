import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { A2AParts } from './a2a-parts.ts';
import { settleIfOrphan } from './settle.ts';

/** How often a task that nobody here is running is looked after while somebody follows it. */
export const TEND_MS: DurationMs = 500;

/** The next look may find the store there, or less going on. */
const PASSING: ReadonlySet<string> = new Set(['STORE_UNAVAILABLE', 'SESSION_BUSY']);

/**
 * What is known of a session that this instance watches, or else what the store says of it now.
 *
 * @returns whether the session is there
 * @throws {SessionDamagedError}
 */
export async function isStillThere({ sessions }: A2AParts, session: LiveSession): Promise<boolean> {
  const look = sessions.lookOf(session);
  if (look?.fault !== undefined) throw look.fault;
  return look?.isThere ?? ((await sessions.catchUp(session)) || !session.isConfirmed);
}

/**
 * Ends a followed task when its runner is gone: once for all who follow it.
 *
 * @param rerun the send that made the task is repeated: it is run again when nothing was recorded yet
 * @returns whether the session is there
 * @throws {SessionDamagedError}
 */
export function tendTask(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  rerun: boolean,
): Promise<boolean> {
  const look = async (): Promise<boolean> => {
    if (!(await isStillThere(parts, session))) return false;
    await settleFollowed(parts, session, local, rerun);
    return true;
  };
  return parts.looks.share(session, `${local} ${rerun}`, parts.clock.mono(), TEND_MS / 2, look);
}

/**
 * Ends a task when its runner is gone, as far as is known without asking what has happened since.
 *
 * @param isRevealed a client was told of the task
 */
export async function settleFollowed(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  rerun: boolean,
  isRevealed = true,
): Promise<void> {
  try {
    await settleIfOrphan(parts, session, local, rerun, isRevealed);
  } catch (error) {
    const passes = error instanceof ProtocolError && PASSING.has(error.reason);
    if (!passes) throw error;
  }
}
