import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { within } from '../sessions/patience.ts';
import type { StoredMessage } from '../sessions/records.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { A2AParts } from './a2a-parts.ts';
import { findSent, type RepeatRule } from './find-repeat.ts';
import { randomSessionId } from './message-identity.ts';

/**
 * Who serves a message without a context now: the session that was derived from it, or another one since it was answered.
 *
 * @param home the derived session
 * @param deadline until when the store may be waited for
 * @returns the session id; `''` for the derived session itself
 * @throws {ProtocolError} STORE_UNAVAILABLE when an answered one may have to be repeated and cannot be looked at
 */
export async function servingSession(
  parts: A2AParts,
  home: LiveSession,
  message: StoredMessage,
  rule: RepeatRule,
  deadline: DurationMs,
): Promise<string> {
  if (!home.view.exists) return '';
  const { serves } = home.journal.derived;
  if (!home.journal.wasAnswered(0, rule.askedAt) || (await wasSentLately(parts, home, serves, message, rule)))
    return serves;
  const next = randomSessionId();
  try {
    const winner = await within(parts.clock, deadline, parts.sessions.marks.claim(home, next));
    // Who serves it is known here alone: where that counts for a time it has to live as long as what it names.
    if (rule.answeredAfter !== Infinity) await home.change(() => [], { renews: true });
    return winner;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    // Known to be answered: a new message, wherever the store will learn of it.
    home.journal.derived = { serves: next, answered: false };
    return next;
  }
}

/** Whether an answered message still counts as sent: its own time stamp says. */
async function wasSentLately(
  parts: A2AParts,
  home: LiveSession,
  serves: string,
  message: StoredMessage,
  rule: RepeatRule,
): Promise<boolean> {
  if (rule.answeredAfter === Infinity) return false;
  const isRecent = ({ view }: LiveSession): boolean =>
    (findSent(view, message, undefined, rule)?.at ?? 0) > rule.answeredAfter;
  if (serves === '') return isRecent(home);
  const serving = await parts.sessions.open({ ...home.ref, sessionId: serves }, 'existing');
  if (serving === undefined) return false;
  try {
    return isRecent(serving);
  } finally {
    parts.sessions.release(serving);
  }
}
