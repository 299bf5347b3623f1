import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { SendParams } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { AliasTakenError } from '../sessions/alias-taken-error.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { OpenMode } from '../sessions/session-manager.ts';
import { PATIENCE_MS } from '../sessions/session-parts.ts';
import { splitTaskId, type SessionRef } from '../sessions/session-ref.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { CallContext } from './call.ts';
import { AnsweredElsewhere, commitMessage } from './commit-message.ts';
import { repeatRule, type RepeatRule } from './find-repeat.ts';
import { aliasHintKey, findTask } from './find-task.ts';
import {
  derivedSessionId,
  derivedTaskSessionId,
  randomSessionId,
  toStoredMessage,
} from './message-identity.ts';
import { contextMismatch, MessagePlacement, type Address } from './place-message.ts';
import { SentMessage } from './sent-message.ts';
import { servingSession } from './serving-session.ts';
import { checkWebhook } from './webhook-registration.ts';

/** What every answer to a send has: something to do once its last byte has left. */
interface Deliverable {
  readonly delivered?: () => void;
}

/**
 * Makes the answer of a message that was just committed. Its session is pinned until the answer is made. It has to start
 * the task: an answer that begins with the task as it was submitted looks at it before.
 */
export type MakeAnswer<R extends Deliverable> = (sent: SentMessage) => Promise<R>;

/**
 * Finds the session of a message, commits it there, and has it answered: one way for blocking and streaming sends.
 *
 * @throws {ProtocolError}
 */
export function deliverMessage<R extends Deliverable>(
  parts: A2AParts,
  params: SendParams,
  call: CallContext,
  makeAnswer: MakeAnswer<R>,
): Promise<R> {
  if (parts.runner.isDraining) return Promise.reject(stopping());
  return new MessageDelivery(parts, params, call, makeAnswer).run();
}

/** Another instance takes it, or this one when it is back. */
const stopping = (): ProtocolError =>
  new ProtocolError('RESOURCE_EXHAUSTED', {
    message: 'the server is stopping and takes no new work',
    httpStatus: 503,
    retryAfterMs: 1_000,
  });

class MessageDelivery<R extends Deliverable> {
  readonly #parts: A2AParts;
  readonly #params: SendParams;
  readonly #call: CallContext;
  readonly #makeAnswer: MakeAnswer<R>;
  readonly #rule: RepeatRule | undefined;
  /** Until then the store may be waited for, in all steps together; what is left of them is deferred. */
  readonly #deadline: DurationMs;

  constructor(parts: A2AParts, params: SendParams, call: CallContext, makeAnswer: MakeAnswer<R>) {
    this.#parts = parts;
    this.#params = params;
    this.#call = call;
    this.#makeAnswer = makeAnswer;
    this.#rule = repeatRule(parts, call);
    this.#deadline = parts.clock.mono() + PATIENCE_MS;
  }

  async run(): Promise<R> {
    const { message, clientTaskId, pushConfig } = this.#params;
    const { tenant } = this.#call.principal;
    const { urlGuard } = this.#parts;
    if (pushConfig !== undefined) checkWebhook(urlGuard, pushConfig, this.#call.dialect, 'inSend');
    if (clientTaskId !== undefined) return this.#toV01Task(clientTaskId);
    if (message.taskId !== undefined) return this.#toTask(message.taskId);
    if (message.contextId !== undefined)
      return this.#into({ tenant, sessionId: message.contextId }, 'create', {});
    const rule = this.#rule;
    if (rule === undefined) return this.#into({ tenant, sessionId: randomSessionId() }, 'new', {});
    return this.#derived(rule);
  }

  async #toTask(taskId: string): Promise<R> {
    const { session, local } = await findTask(this.#parts, taskId, this.#call);
    const { contextId } = this.#params.message;
    if (contextId !== undefined && contextId !== session.ref.sessionId) {
      this.#parts.sessions.release(session);
      throw contextMismatch('message.contextId');
    }
    return this.#to(session, { local });
  }

  /** 0.1: the client's own task id says which task, and without a session id which session. */
  async #toV01Task(clientTaskId: string): Promise<R> {
    const { tenant, subject } = this.#call.principal;
    const { contextId } = this.#params.message;
    const sessionId = contextId ?? derivedTaskSessionId(tenant, subject, clientTaskId);
    const address: Address = { clientTaskId };
    try {
      return await this.#into({ tenant, sessionId }, 'create', address);
    } catch (error) {
      if (!(error instanceof AliasTakenError)) throw error;
      const place = splitTaskId(error.taskId);
      if (contextId !== undefined || place === undefined) throw contextMismatch('sessionId');
      return this.#into({ tenant, sessionId: place.sessionId }, 'create', address);
    }
  }

  /**
   * The session of a message without a context is derived from who says what, so a retry meets the first send there. Once
   * it is no repeat any more, the same message is a new one, and another session serves it.
   */
  async #derived(rule: RepeatRule): Promise<R> {
    const { sessions } = this.#parts;
    const { tenant, subject } = this.#call.principal;
    const message = toStoredMessage(this.#params.message);
    const home: SessionRef = { tenant, sessionId: derivedSessionId(tenant, subject, message) };
    const session = await sessions.open(home, 'new');
    if (session === undefined) throw new Error('a new session is always opened');
    try {
      if (session.view.exists) await this.#catchUp(session);
      const serves = await servingSession(this.#parts, session, message, rule, this.#deadline);
      if (serves === '') {
        sessions.pin(session);
        return await this.#to(session, {}, true);
      }
      const answer = await this.#into({ tenant, sessionId: serves }, 'new', {});
      return withDelivered(answer, () => {
        sessions.marks.derivedAnswered(session, serves);
      });
    } catch (error) {
      if (error instanceof AnsweredElsewhere) return await this.#derived(rule);
      throw error;
    } finally {
      sessions.release(session);
    }
  }

  async #into(ref: SessionRef, mode: OpenMode, address: Address): Promise<R> {
    const session = await this.#parts.sessions.open(ref, mode);
    if (session === undefined) throw taskNotFound(ref.sessionId);
    return this.#to(session, address);
  }

  /** Where the time for it is over, memory is asked instead, as it is when the store is away. */
  async #catchUp(session: LiveSession): Promise<void> {
    if (this.#parts.clock.mono() < this.#deadline) await this.#parts.sessions.catchUp(session);
  }

  /** Into a pinned session, which it releases. @param derived the session's id was made from this message */
  async #to(session: LiveSession, address: Address, derived = false): Promise<R> {
    const parts = this.#parts;
    const call = this.#call;
    try {
      const placement = new MessagePlacement(parts, this.#params, call, session, address, this.#rule);
      // Seen here before: whether its answer was delivered, perhaps by another instance, is asked before it is decided.
      if (placement.wasSeen(session.view)) await this.#catchUp(session);
      const how = { derived, deadline: this.#deadline };
      const { outcome, placed } = await commitMessage(placement, session, address, call, how);
      if (address.clientTaskId !== undefined) {
        const { tenant, subject } = call.principal;
        parts.aliasHints.set(aliasHintKey(tenant, subject, address.clientTaskId), session.ref.sessionId);
      }
      return await this.#makeAnswer(
        new SentMessage(parts, session, { ...placed, outcome, derived, stored: placement.message }),
      );
    } finally {
      parts.sessions.release(session);
    }
  }
}

function withDelivered<R extends Deliverable>(answer: R, also: () => void): R {
  const { delivered } = answer;
  return {
    ...answer,
    delivered: () => {
      delivered?.();
      also();
    },
  };
}
