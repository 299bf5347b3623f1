import { invalidParams, ProtocolError, taskNotFound } from '../../protocol/errors.ts';
import type { SendParams } from '../../protocol/model.ts';
import { isInterrupted } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import { readSpace } from '../security/space.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { CreatedRecord, RecordBody, StoredMessage, TaskRecord } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { CallContext } from './call.ts';
import { NOBODY, rememberCall } from './call-facts.ts';
import { findSent, findV01Repeat, hasEnded, repeats } from './find-repeat.ts';
import type { Repeat, RepeatRule } from './find-repeat.ts';
import { isSameContent, isSameMessage, randomLocalId } from './message-identity.ts';
import { WebhookRegistration } from './webhook-registration.ts';

/** Where a message went. */
export interface Placed {
  readonly local: string;
  /** Record number of the message, once it is known. */
  readonly message: number | undefined;
  /** `new` and `resumed` are to be run here, `queued` waits for the run that is on, `repeat` was here before. */
  readonly how: 'new' | 'resumed' | 'queued' | 'repeat';
}

/** A task the message is addressed to: its local id in the session. */
export interface Address {
  readonly local?: string;
  readonly clientTaskId?: string;
}

/**
 * Decides what a message adds to its session. Called again when the session had moved: what it returned last counts.
 */
export class MessagePlacement {
  placed: Placed | undefined;
  readonly #parts: A2AParts;
  readonly #params: SendParams;
  readonly #call: CallContext;
  readonly #session: LiveSession;
  readonly #address: Address;
  readonly #message: StoredMessage;
  readonly #newLocal = randomLocalId();
  #registration: WebhookRegistration | undefined;
  readonly #rule: RepeatRule | undefined;

  /** @param message as it is to be stored */
  constructor(
    parts: A2AParts,
    params: SendParams,
    message: StoredMessage,
    call: CallContext,
    session: LiveSession,
    address: Address,
    rule: RepeatRule | undefined,
  ) {
    this.#parts = parts;
    this.#params = params;
    this.#call = call;
    this.#session = session;
    this.#address = address;
    this.#message = message;
    rememberCall(message, params, call);
    this.#rule = rule;
  }

  /** Where it went, once that was decided. */
  get standing(): Placed {
    if (this.placed === undefined) throw new Error('a message was decided without a place');
    return this.placed;
  }

  /** Whether a message like this one is in the session: then the marks of its answer have to be current. */
  wasSeen(view: Session): boolean {
    const { clientTaskId, local } = this.#address;
    const rule = this.#rule;
    if (rule === undefined) return false;
    if (clientTaskId === undefined) return findSent(view, this.#message, local, rule) !== undefined;
    const known = view.alias(this.#call.principal.subject, clientTaskId);
    return (
      known !== undefined && findV01Repeat(this.#session, view, known, this.#message, rule) !== undefined
    );
  }

  /** The message was here before and is not to be taken for a new one. */
  earlier(draft: Session): Repeat | undefined {
    const rule = this.#rule;
    const sent = rule && findSent(draft, this.#message, this.#address.local, rule);
    const isRepeat = rule !== undefined && sent !== undefined && repeats(this.#session, sent, rule);
    return isRepeat ? { local: sent.task, message: sent.n } : undefined;
  }

  /** Whether what it repeats stands in the session where it was found: on a draft it may have been and come to nothing. */
  isStanding(view: Session): boolean {
    const { placed } = this;
    if (placed?.how !== 'repeat') return true;
    const isSame = this.#address.clientTaskId === undefined ? isSameMessage : isSameContent;
    for (const { message } of view.task(placed.local)?.history.newestFirst() ?? [])
      if (isSame(message, this.#message)) return true;
    return false;
  }

  decide(draft: Session, at: EpochMs): RecordBody[] {
    this.#giveBack();
    return this.#address.clientTaskId === undefined
      ? this.#decide(draft, at)
      : this.#decideV01(draft, at, this.#address.clientTaskId);
  }

  /** Undoes the reservation of a start that is not to be. */
  #giveBack(): void {
    if (this.placed?.how === 'new' || this.placed?.how === 'resumed') {
      this.#parts.runner.release(this.#session, this.placed.local);
    }
    this.placed = undefined;
  }

  /** After a change that failed. */
  abandon(): void {
    this.#giveBack();
  }

  #decide(draft: Session, at: EpochMs): RecordBody[] {
    const { local } = this.#address;
    const earlier = this.earlier(draft);
    if (earlier !== undefined) {
      this.placed = { ...earlier, how: 'repeat' };
      return [];
    }
    return local === undefined ? this.#begin(draft, at) : this.#continue(draft, at, local, this.#message);
  }

  #decideV01(draft: Session, at: EpochMs, clientTaskId: string): RecordBody[] {
    const { subject } = this.#call.principal;
    const local = draft.alias(subject, clientTaskId);
    const messages = local === undefined ? 0 : (draft.task(local)?.history.length ?? 0);
    // 0.1 messages have no id of their own.
    this.#message.messageId = `${clientTaskId}.${messages + 1}`;
    if (local === undefined) return this.#begin(draft, at, clientTaskId);
    const rule = this.#rule;
    const repeat = rule && findV01Repeat(this.#session, draft, local, this.#message, rule);
    if (repeat !== undefined) {
      this.placed = { ...repeat, how: 'repeat' };
      return [];
    }
    // An ended task stays ended: its client id moves on to a new one in the same session.
    if (hasEnded(draft, local)) return this.#begin(draft, at, clientTaskId);
    return this.#continue(draft, at, local, this.#message);
  }

  /** @param alias the client's own id of the task */
  #begin(draft: Session, at: EpochMs, alias?: string): RecordBody[] {
    const task = this.#newLocal;
    const webhook = this.#webhook(draft, at, task);
    this.#reserve(task, 'new');
    const { dialect, principal } = this.#call;
    const made: TaskRecord = { t: 'task', at, task, by: `${this.#parts.sessions.instance}.1` };
    if (dialect !== 'v1') made.dialect = dialect;
    if (alias !== undefined) {
      made.alias = alias;
      made.subject = principal.subject;
    }
    const records: RecordBody[] = draft.exists ? [made] : [this.#created(at), made];
    records.push({ t: 'message', at, task, message: this.#message });
    if (webhook.length > 0) records.push(...webhook);
    return records;
  }

  /** Where the place of the session does not say whose it is, its first record does: so it can be erased with the subject. */
  #created(at: EpochMs): CreatedRecord {
    const { subject } = this.#call.principal;
    const isSaid = subject === NOBODY || readSpace(this.#session.ref.tenant).subject !== undefined;
    return isSaid ? { t: 'created', at } : { t: 'created', at, subject };
  }

  #continue(draft: Session, at: EpochMs, local: string, message: StoredMessage): RecordBody[] {
    const task = draft.task(local);
    const taskId = this.#params.message.taskId ?? local;
    if (task === undefined || task.withdrawn) throw taskNotFound(taskId);
    if (hasEnded(draft, local)) throw new ProtocolError('INVALID_TASK_STATE', { metadata: { taskId } });
    const said: RecordBody[] = [
      { t: 'message', at, task: local, message },
      ...this.#webhook(draft, at, local),
    ];
    if (!isInterrupted(task.state)) {
      this.placed = { local, message: undefined, how: 'queued' };
      return said;
    }
    this.#reserve(local, 'resumed');
    // It leaves the interrupted state before anybody waits for the answer.
    return [
      ...said,
      { t: 'run', at, task: local, by: `${this.#parts.sessions.instance}.${task.attempt + 1}`, next: true },
    ];
  }

  /** The webhook that the send brings: in the same commit, and before anything that it is to be told of. */
  #webhook(draft: Session, at: EpochMs, task: string): RecordBody[] {
    const { pushConfig } = this.#params;
    if (pushConfig === undefined) return [];
    this.#registration ??= new WebhookRegistration(
      pushConfig,
      this.#call.dialect,
      'inSend',
      this.#parts.quotas?.ofWebhooks(this.#call.principal),
    );
    return this.#registration.decide(draft, at, task);
  }

  #reserve(local: string, how: 'new' | 'resumed'): void {
    this.#parts.runner.reserve(this.#session, local);
    this.placed = { local, message: undefined, how };
  }
}

/** Both given, and they do not belong together. A2A 1.0 §3.4.3. */
export function contextMismatch(field: string): ProtocolError {
  return invalidParams({ field, description: 'names another conversation than the task belongs to' });
}
