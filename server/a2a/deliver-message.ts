import { ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { PushConfig, SendParams } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import { AliasTakenError } from '../sessions/alias-taken-error.ts';
import type { ChangeOutcome } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { StoredMessage } from '../sessions/records.ts';
import type { OpenMode } from '../sessions/session-manager.ts';
import { PATIENCE_MS } from '../sessions/session-parts.ts';
import { splitTaskId, type SessionRef } from '../sessions/session-ref.ts';
import { type A2AParts, spaceFor } from './a2a-parts.ts';
import type { CallContext } from './call.ts';
import { AnsweredElsewhere, commitAgain, commitMessage } from './commit-message.ts';
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

/** No task is named. */
const ANY_TASK: Address = {};

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
  try {
    return new MessageDelivery(parts, params, call, makeAnswer).run();
  } catch (error) {
    // No room for another session.
    return Promise.reject(
      error instanceof Error ? error : new Error('no message can be taken', { cause: error }),
    );
  }
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
    const askedAt = parts.clock.mono();
    this.#rule = repeatRule(parts, call, askedAt);
    this.#deadline = askedAt + PATIENCE_MS;
  }

  run(): Promise<R> {
    const { pushConfig } = this.#params;
    return pushConfig === undefined ? this.#run() : this.#runWith(pushConfig);
  }

  async #runWith(pushConfig: PushConfig): Promise<R> {
    checkWebhook(this.#parts.urlGuard, pushConfig, this.#call.dialect, 'inSend');
    return this.#run();
  }

  #run(): Promise<R> {
    const { message, clientTaskId } = this.#params;
    const tenant = spaceFor(this.#parts, this.#call);
    if (clientTaskId !== undefined) return this.#toV01Task(clientTaskId);
    if (message.taskId !== undefined) return this.#toTask(message.taskId);
    if (message.contextId !== undefined)
      return this.#into({ tenant, sessionId: message.contextId }, 'create', ANY_TASK);
    const rule = this.#rule;
    if (rule === undefined) return this.#into({ tenant, sessionId: randomSessionId() }, 'new', ANY_TASK);
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
    const { tenant: ofTenant, subject } = this.#call.principal;
    const tenant = spaceFor(this.#parts, this.#call);
    const { contextId } = this.#params.message;
    const sessionId = contextId ?? derivedTaskSessionId(ofTenant, subject, clientTaskId);
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
  #derived(rule: RepeatRule): Promise<R> {
    const { sessions } = this.#parts;
    const { tenant, subject } = this.#call.principal;
    const message = toStoredMessage(this.#params.message);
    const home: SessionRef = {
      tenant: spaceFor(this.#parts, this.#call),
      sessionId: derivedSessionId(tenant, subject, message),
    };
    const session = sessions.openAtOnce(home, 'new');
    // Nearly always it is a new one: then there is nobody to be asked who serves it.
    if (session?.view.exists === false) return this.#to(session, ANY_TASK, message, rule);
    return this.#atHome(session ?? sessions.open(home, 'new'), message, rule);
  }

  async #atHome(
    opened: LiveSession | Promise<LiveSession | undefined>,
    message: StoredMessage,
    rule: RepeatRule,
  ): Promise<R> {
    const { sessions } = this.#parts;
    const session = await opened;
    if (session === undefined) throw new Error('a new session is always opened');
    try {
      const serves = session.view.exists ? await this.#whoServes(session, message, rule) : '';
      if (serves === '') {
        sessions.pin(session);
        return await this.#to(session, ANY_TASK, message, rule);
      }
      const answer = await this.#into({ tenant: session.ref.tenant, sessionId: serves }, 'new', ANY_TASK);
      return withDelivered(answer, () => {
        sessions.marks.derivedAnswered(session, serves);
      });
    } finally {
      sessions.release(session);
    }
  }

  /** @returns the session id; `''` for the derived session itself */
  async #whoServes(home: LiveSession, message: StoredMessage, rule: RepeatRule): Promise<string> {
    await this.#catchUp(home);
    return servingSession(this.#parts, home, message, rule, this.#deadline);
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

  /**
   * Into a pinned session, which it releases.
   *
   * @param message as it is to be stored @param derivedBy the session's id was made from it; the rule of its repeats
   */
  async #to(
    session: LiveSession,
    address: Address,
    message = toStoredMessage(this.#params.message),
    derivedBy?: RepeatRule,
  ): Promise<R> {
    const parts = this.#parts;
    const call = this.#call;
    const derived = derivedBy !== undefined;
    try {
      const placement = new MessagePlacement(
        parts,
        this.#params,
        message,
        call,
        session,
        address,
        this.#rule,
      );
      // Seen here before: whether its answer was delivered, perhaps by another instance, is asked before it is decided.
      if (placement.wasSeen(session.view)) await this.#catchUp(session);
      const how = { derived, deadline: this.#deadline, quota: parts.quotas?.ofCaller(call.principal) };
      let outcome: ChangeOutcome;
      try {
        outcome = await commitMessage(placement, session, address, call, how);
        if (!placement.isStanding(session.view))
          outcome = await commitAgain(placement, session, address, call, how);
      } catch (error) {
        placement.abandon();
        throw error;
      }
      session.agentQuota = parts.quotas?.ofAgent(call.principal);
      if (address.clientTaskId !== undefined) {
        const { tenant, subject } = call.principal;
        parts.aliasHints.set(aliasHintKey(tenant, subject, address.clientTaskId), session.ref.sessionId);
      }
      const facts = { placed: placement.standing, outcome, derived, stored: message };
      return await this.#makeAnswer(new SentMessage(parts, session, facts));
    } catch (error) {
      // The session is held meanwhile: it has to be in memory to be asked who serves it.
      if (derivedBy !== undefined && error instanceof AnsweredElsewhere)
        return await this.#derived(derivedBy);
      throw error;
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
