import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { SendParams, SendResult } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { AliasTakenError } from '../sessions/alias-taken-error.ts';
import type { ChangeOutcome } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { OpenMode } from '../sessions/session-manager.ts';
import type { StoredMessage } from '../sessions/records.ts';
import { joinTaskId, splitTaskId, type SessionRef } from '../sessions/session-ref.ts';
import { StoreUnavailableError } from '../sessions/session-store.ts';
import type { Session } from '../sessions/session.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { Answer, CallContext } from './call.ts';
import { aliasHintKey, findTask, toTaskView } from './find-task.ts';
import {
  derivedSessionId,
  derivedTaskSessionId,
  isSameMessage,
  randomSessionId,
  toStoredMessage,
} from './message-identity.ts';
import { AnsweredElsewhere, commitMessage, whenStored } from './commit-message.ts';
import { contextMismatch, MessagePlacement, type Address, type Placed } from './place-message.ts';
import { waitForTask } from './wait-for-task.ts';

/** A2A 1.0 §3.1.1 SendMessage, 0.3 `message/send`, 0.1 `tasks/send`. */
export async function sendMessage(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
): Promise<Answer<SendResult>> {
  const { taskId, contextId } = params.message;
  const { tenant } = call.principal;
  if (params.pushConfig !== undefined) throw new ProtocolError('PUSH_NOTIFICATION_NOT_SUPPORTED');
  if (params.clientTaskId !== undefined) return sendV01(parts, params, call, params.clientTaskId);
  if (taskId !== undefined) return sendToTask(parts, params, call, taskId);
  if (contextId !== undefined)
    return sendInto(parts, params, call, { tenant, sessionId: contextId }, 'create', {});
  if (parts.settings.idempotency === 'off') {
    return sendInto(parts, params, call, { tenant, sessionId: randomSessionId() }, 'new', {});
  }
  return sendDerived(parts, params, call);
}

async function sendToTask(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  taskId: string,
): Promise<Answer<SendResult>> {
  const { session, local } = await findTask(parts, taskId, call);
  const { contextId } = params.message;
  if (contextId !== undefined && contextId !== session.ref.sessionId) {
    parts.sessions.release(session);
    throw contextMismatch('message.contextId');
  }
  return sendTo(parts, params, call, session, { local });
}

/** 0.1: the client's own task id says which task, and without a session id which session. */
async function sendV01(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  clientTaskId: string,
): Promise<Answer<SendResult>> {
  const { tenant, subject } = call.principal;
  const { contextId } = params.message;
  const sessionId = contextId ?? derivedTaskSessionId(tenant, subject, clientTaskId);
  const address: Address = { clientTaskId };
  try {
    return await sendInto(parts, params, call, { tenant, sessionId }, 'create', address);
  } catch (error) {
    if (!(error instanceof AliasTakenError)) throw error;
    const place = splitTaskId(error.taskId);
    if (contextId !== undefined || place === undefined) throw contextMismatch('sessionId');
    return sendInto(parts, params, call, { tenant, sessionId: place.sessionId }, 'create', address);
  }
}

/**
 * The session of a message without a context is derived from who says what, so a retry meets the first send there. Once
 * answered, the same message is a new one, and another session serves it.
 */
async function sendDerived(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
): Promise<Answer<SendResult>> {
  const { tenant, subject } = call.principal;
  const message = toStoredMessage(params.message);
  const home: SessionRef = { tenant, sessionId: derivedSessionId(tenant, subject, message) };
  const session = await parts.sessions.open(home, 'new');
  if (session === undefined) throw new Error('a new session is always opened');
  try {
    if (session.view.exists) await parts.sessions.catchUp(session);
    const serves = await servingSession(parts, session);
    if (serves === '') {
      parts.sessions.pin(session);
      return await sendTo(parts, params, call, session, {}, true);
    }
    const answer = await sendInto(parts, params, call, { tenant, sessionId: serves }, 'new', {});
    return withDelivered(answer, () => {
      parts.sessions.marks.derivedAnswered(session, serves);
    });
  } catch (error) {
    if (error instanceof AnsweredElsewhere) return await sendDerived(parts, params, call);
    throw error;
  } finally {
    parts.sessions.release(session);
  }
}

/** @returns `''` while the derived session itself serves its message */
async function servingSession(parts: A2AParts, session: LiveSession): Promise<string> {
  if (!session.view.exists) return '';
  const { serves, answered } = session.journal.derived;
  if (!answered) return serves;
  const next = randomSessionId();
  try {
    return await parts.sessions.marks.claim(session, next);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    // Known to be answered: a new message, wherever the store will learn of it.
    session.journal.derived = { serves: next, answered: false };
    return next;
  }
}

async function sendInto(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  ref: SessionRef,
  mode: OpenMode,
  address: Address,
): Promise<Answer<SendResult>> {
  const session = await parts.sessions.open(ref, mode);
  if (session === undefined) throw taskNotFound(ref.sessionId);
  return sendTo(parts, params, call, session, address);
}

/** Sends into a pinned session and releases it. @param derived the session's id was made from this message */
async function sendTo(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  session: LiveSession,
  address: Address,
  derived = false,
): Promise<Answer<SendResult>> {
  const placement = new MessagePlacement(parts, params, call, session, address);
  try {
    // Seen here before: whether its answer was delivered, perhaps by another instance, is asked before it is decided.
    if (placement.wasSeen(session.view)) await parts.sessions.catchUp(session);
    const { outcome, placed } = await commitMessage(placement, session, address, call, derived);
    // A send that does not wait is answered with the task: from now on there has to be one.
    if (placed.how === 'new' || placed.how === 'resumed')
      parts.runner.start(session, placed.local, !params.blocking);
    if (address.clientTaskId !== undefined) {
      const { tenant, subject } = call.principal;
      parts.aliasHints.set(aliasHintKey(tenant, subject, address.clientTaskId), session.ref.sessionId);
    }
    return await answerWhenDue(parts, params, call, session, placed, placement, outcome, derived);
  } finally {
    parts.sessions.release(session);
  }
}

async function answerWhenDue(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  session: LiveSession,
  placed: Placed,
  placement: MessagePlacement,
  outcome: ChangeOutcome,
  derived: boolean,
): Promise<Answer<SendResult>> {
  const { local } = placed;
  const taskId = joinTaskId(session.ref.sessionId, local);
  // Asked again each time: a message that waited for the store gets its number when it is stored.
  const said = (): number => numberOf(session, local, placement.message) || (placed.message ?? 0);
  if (params.blocking) {
    const isRepeat = placed.how === 'repeat';
    const progress = await waitForTask(parts, session, local, said(), parts.settings.blockingMs, isRepeat);
    if (progress === 'gone') throw taskNotFound(taskId);
  }
  parts.runner.reveal(session.ref, local);
  // A bare message may be on its way already: then that is the answer.
  const isWithdrawn = (fold: Session): boolean => fold.task(local)?.withdrawn === true;
  await whenStored(session, () => !isWithdrawn(session.draft) || isWithdrawn(session.view));
  const task = session.view.task(local);
  if (task === undefined) throw taskNotFound(taskId);
  const persistence = outcome === 'deferred' || session.persistence === 'deferred' ? 'deferred' : 'stored';
  const delivered = (): void => {
    parts.sessions.marks.answered(session, said);
    if (derived) parts.sessions.marks.derivedAnswered(session, '');
  };
  if (task.withdrawn && task.reply !== undefined) {
    const { sessionId: contextId } = session.ref;
    return { result: { kind: 'message', message: { ...task.reply, contextId } }, persistence, delivered };
  }
  if (params.blocking && isTerminal(task.state) && task.queued > 0 && (task.turn?.n ?? 0) < said()) {
    // Its task ended before its turn: the message stays in the history, and its sender is told. Nothing was done for it,
    // so the same message sent again is no repeat.
    parts.sessions.marks.answered(session, said);
    throw new ProtocolError('INVALID_TASK_STATE', { metadata: { taskId } });
  }
  return {
    result: { kind: 'task', view: toTaskView(session, task, call, params.historyLength) },
    persistence,
    delivered,
  };
}

/** Record number of a message that was just sent. */
function numberOf(session: LiveSession, local: string, message: StoredMessage): number {
  const history = session.view.task(local)?.history;
  if (history === undefined) return 0;
  for (const entry of history.newestFirst()) {
    if (entry.message === message) return entry.n;
  }
  // Read anew from the store since.
  for (const entry of history.newestFirst()) {
    if (isSameMessage(entry.message, message)) return entry.n;
  }
  return 0;
}

function withDelivered<R>(answer: Answer<R>, also: () => void): Answer<R> {
  const { delivered } = answer;
  return {
    ...answer,
    delivered: () => {
      delivered?.();
      also();
    },
  };
}
