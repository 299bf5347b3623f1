import { isTerminal } from '../../protocol/task-state.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { StoredMessage } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import type { MessageEntry } from '../sessions/task-fold.ts';
import { isSameContent, isSameMessage } from './message-identity.ts';

/** The newest user messages of a session in which a retry is looked for; as many have their answers marked. */
const WINDOW = 100;

/** An earlier send of the same message whose answer was not delivered. */
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

/** @param local the task the message is for; undefined when it shall make one */
export function findSent(
  session: Session,
  message: StoredMessage,
  local: string | undefined,
): MessageEntry | undefined {
  let seen = 0;
  for (const entry of session.messages.newestFirst()) {
    if (entry.message.role !== 'ROLE_USER') continue;
    if (++seen > WINDOW) return undefined;
    if (entry.message.messageId !== message.messageId || !isSameMessage(entry.message, message)) continue;
    const madeItsTask = session.task(entry.task)?.firstMessage === entry.n;
    if (local === undefined ? madeItsTask : entry.task === local) return entry;
  }
  return undefined;
}

export function isAnswered(session: LiveSession, message: number): boolean {
  const { answered, derived } = session.journal;
  if (answered.has(message)) return true;
  const wasDerived = derived.answered || derived.serves !== '';
  return wasDerived && firstMessage(session.view)?.n === message;
}

/** v0.1 has no message id: equal to the task's last message, with no answer delivered since. */
export function findV01Repeat(
  session: LiveSession,
  draft: Session,
  local: string,
  message: StoredMessage,
): Repeat | undefined {
  const task = draft.task(local);
  if (task === undefined) return undefined;
  for (const entry of task.history.newestFirst()) {
    if (entry.message.role !== 'ROLE_USER') continue;
    const isRepeat = isSameContent(entry.message, message) && !isAnswered(session, entry.n);
    return isRepeat ? { local, message: entry.n } : undefined;
  }
  return undefined;
}

export const hasEnded = (session: Session, local: string): boolean => {
  const task = session.task(local);
  return task === undefined || isTerminal(task.state) || task.withdrawn;
};
