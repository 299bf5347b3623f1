import { isTerminal } from '../../protocol/task-state.ts';
import type { DurationMs, EpochMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { StoredMessage } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import type { MessageEntry } from '../sessions/task-content.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { CallContext } from './call.ts';
import { isSameContent, isSameMessage } from './message-identity.ts';

/** The newest user messages of a session in which a retry is looked for; as many have their answers marked. */
const LOOK_BACK = 100;
/** The same where answered ones count for a time: bounded, so that a send costs no more in a session that is long. */
const STRICT_LOOK_BACK = 1_000;

/** What makes a send the repeat of an earlier, equal one: its answer was not delivered, or it is recent enough. */
export interface RepeatRule {
  /** Answered ones are repeated too when they were sent after this moment; Infinity: never. */
  readonly answeredAfter: EpochMs;
  /** Monotonic moment of the call: what is answered while it is under way was in flight with it. */
  readonly askedAt: DurationMs;
}

/**
 * One rule for the whole of a call, so that time going by cannot change it between two decisions. `Idempotency-Key` asks
 * for the strict one, whatever the setting. Its value says nothing: what makes two sends one is who says what under which
 * message id, so that nobody is given the answer to another message because two keys were alike.
 *
 * @param askedAt monotonic moment of the call
 * @returns undefined when every send is a new one
 */
export function repeatRule(
  { settings, clock }: Pick<A2AParts, 'settings' | 'clock'>,
  call: CallContext,
  askedAt: DurationMs,
): RepeatRule | undefined {
  const { idempotency, idempotencyWindowMs } = settings;
  if (idempotency === 'strict' || call.idempotencyKey !== undefined)
    return { answeredAfter: clock.now() - idempotencyWindowMs, askedAt };
  return idempotency === 'off' ? undefined : { answeredAfter: Infinity, askedAt };
}

/** An earlier send of the same message. */
export interface Repeat {
  readonly local: string;
  /** Record number of the message. */
  readonly message: number;
}

/** The first message of a session: the one from which a derived id was made. */
export function firstMessage(session: Session): MessageEntry | undefined {
  for (const entry of session.messages) return entry;
  return undefined;
}

/**
 * The newest message like this one.
 *
 * @param local the task the message is for; undefined when it shall make one
 */
export function findSent(
  session: Session,
  message: StoredMessage,
  local: string | undefined,
  rule: RepeatRule,
): MessageEntry | undefined {
  if (session.messages.length === 0) return undefined;
  let seen = 0;
  for (const entry of session.messages.newestFirst()) {
    if (entry.message.role !== 'ROLE_USER') continue;
    const isInReach = seen < LOOK_BACK || (seen < STRICT_LOOK_BACK && entry.at > rule.answeredAfter);
    if (!isInReach) return undefined;
    seen += 1;
    if (entry.message.messageId !== message.messageId || !isSameMessage(entry.message, message)) continue;
    const madeItsTask = session.task(entry.task)?.firstMessage === entry.n;
    if (local === undefined ? madeItsTask : entry.task === local) return entry;
  }
  return undefined;
}

function isAnswered(session: LiveSession, message: number, { askedAt }: RepeatRule): boolean {
  const { journal } = session;
  if (journal.wasAnswered(message, askedAt)) return true;
  const wasDerived = journal.wasAnswered(0, askedAt) || journal.derived.serves !== '';
  return wasDerived && firstMessage(session.view)?.n === message;
}

/** Whether a send like this entry is no new one. */
export const repeats = (session: LiveSession, entry: MessageEntry, rule: RepeatRule): boolean =>
  entry.at > rule.answeredAfter || !isAnswered(session, entry.n, rule);

/** v0.1 has no message id: equal to the task's last message, with no answer delivered since (or only lately). */
export function findV01Repeat(
  session: LiveSession,
  draft: Session,
  local: string,
  message: StoredMessage,
  rule: RepeatRule,
): Repeat | undefined {
  const task = draft.task(local);
  if (task === undefined) return undefined;
  for (const entry of task.history.newestFirst()) {
    if (entry.message.role !== 'ROLE_USER') continue;
    const isRepeat = isSameContent(entry.message, message) && repeats(session, entry, rule);
    return isRepeat ? { local, message: entry.n } : undefined;
  }
  return undefined;
}

export const hasEnded = (session: Session, local: string): boolean => {
  const task = session.task(local);
  return task === undefined || isTerminal(task.state) || task.withdrawn;
};
