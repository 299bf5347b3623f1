import { isDeepStrictEqual } from 'node:util';
import { invalidParams } from '../../protocol/errors.ts';
import type { Dialect, PushConfig } from '../../protocol/model.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { UrlGuard } from '../security/url-guard.ts';
import type { Webhook } from '../sessions/outbox.ts';
import type { PushRecord } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { Session } from '../sessions/session.ts';
import type { WebhookQuota } from './caller-quotas.ts';
import { randomLocalId } from './message-identity.ts';

/** Every event is sent to each of them. */
const WEBHOOKS_MAX = 16;

/** A call of its own, or a send. */
type Place = 'own' | 'inSend';

/** Where a dialect has the webhook: in a call of its own, and in a send. */
const FIELDS: Readonly<Record<Dialect, Readonly<Record<Place, string>>>> = {
  v1: { own: '', inSend: 'configuration.taskPushNotificationConfig.' },
  v03: { own: 'pushNotificationConfig.', inSend: 'configuration.pushNotificationConfig.' },
  v01: { own: 'pushNotificationConfig.', inSend: 'pushNotification.' },
};

/**
 * Before anything else is done about it.
 *
 * @throws {ProtocolError} INVALID_PARAMS when a webhook may not be at this URL
 */
export function checkWebhook(guard: UrlGuard, { url }: PushConfig, dialect: Dialect, place: Place): void {
  const description = guard.check(url);
  if (description !== undefined) throw invalidParams({ field: `${FIELDS[dialect][place]}url`, description });
}

/** The id of a webhook that came without one in 0.x, which has one per task unless the client says otherwise. */
export const ownWebhookId = (session: Session, local: string): string =>
  joinTaskId(session.ref.sessionId, local);

/** A webhook that a client asks for, on its way into a task. */
export class WebhookRegistration {
  /** What it was registered under, once it was decided. */
  id = '';
  readonly #config: Omit<PushConfig, 'id'>;
  readonly #givenId: string | undefined;
  readonly #dialect: Dialect;
  readonly #place: Place;
  readonly #quota: WebhookQuota | undefined;
  readonly #newId = randomLocalId();

  /**
   * @param place a send that goes on with the task and says the same does not mean another webhook
   * @param quota of the caller
   */
  constructor({ id, ...config }: PushConfig, dialect: Dialect, place: Place, quota?: WebhookQuota) {
    this.#quota = quota;
    this.#config = config;
    this.#givenId = id;
    this.#dialect = dialect;
    this.#place = place;
  }

  /**
   * One that stands already as it is asked for is left alone: begun anew it would lose what it is still to be told.
   *
   * @param draft with or without the task
   * @throws {ProtocolError} INVALID_PARAMS when the task has too many, RESOURCE_EXHAUSTED when that is so for the caller
   */
  decide(draft: Session, at: EpochMs, task: string): PushRecord[] {
    const webhooks = draft.task(task)?.outbox?.webhooks;
    this.id = this.#idAmong(draft, task, [...(webhooks?.values() ?? [])]);
    const known = webhooks?.get(this.id);
    if (known !== undefined && !known.parked && this.#isSame(known)) return [];
    if (known === undefined && this.#quota !== undefined && (webhooks?.size ?? 0) >= this.#quota.max)
      throw this.#quota.refuse();
    if (known === undefined && (webhooks?.size ?? 0) >= WEBHOOKS_MAX) {
      const description = `a task has at most ${WEBHOOKS_MAX} webhooks`;
      throw invalidParams({ field: `${FIELDS[this.#dialect][this.#place]}id`, description });
    }
    const dialect = this.#dialect === 'v1' ? {} : { dialect: this.#dialect };
    return [{ t: 'push', at, task, id: this.id, config: this.#config, ...dialect }];
  }

  #idAmong(draft: Session, task: string, webhooks: readonly Webhook[]): string {
    if (this.#givenId !== undefined) return this.#givenId;
    if (this.#dialect !== 'v1') return ownWebhookId(draft, task);
    const same = this.#place === 'inSend' ? webhooks.find((webhook) => this.#isSame(webhook)) : undefined;
    return same?.id ?? this.#newId;
  }

  #isSame({ config, dialect }: Webhook): boolean {
    return dialect === this.#dialect && isDeepStrictEqual(config, this.#config);
  }
}
