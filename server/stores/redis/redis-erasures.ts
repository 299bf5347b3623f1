import type { DurationMs } from '../../../protocol/units.ts';
import type {
  CarriedOut,
  ErasedSession,
  ErasureOrder,
  ErasureStore,
  ErasureTarget,
} from '../../sessions/erasure-store.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import { SessionDamagedError } from '../../sessions/session-store.ts';
import { ERASURES_MAX, instanceField, instanceOfField, readCarriedOut, readTarget } from '../erasures.ts';
import { decodeId } from '../encoded-ids.ts';
import { checkTtl } from '../request-checks.ts';
import type { RedisClient } from './client.ts';
import { indexKeys } from './keys.ts';
import type { RedisKeys } from './keys.ts';
import { RedisInstances, type RedisInstancesOptions } from './redis-instances.ts';
import type { Reply } from './replies.ts';
import type { ScriptRunner } from './script-runner.ts';

/** Erasure in Redis, beside what it knows of instances. */
export abstract class RedisErasures extends RedisInstances implements ErasureStore {
  readonly #scripts: ScriptRunner;
  readonly #keys: RedisKeys;
  readonly #exclusive: boolean;

  protected constructor(
    client: RedisClient,
    scripts: ScriptRunner,
    keys: RedisKeys,
    options: RedisInstancesOptions,
  ) {
    super(client, scripts, keys, options);
    this.#scripts = scripts;
    this.#keys = keys;
    this.#exclusive = options.exclusive;
  }

  /** Lets go of aliases that live on another shelf than their session did; where none do there are none. */
  protected abstract release(loose: Reply, tenant: string): Promise<void>;

  async erase(ref: SessionRef, tombstoneTtlMs: DurationMs): Promise<ErasedSession | undefined> {
    const keys = this.#keys.session(ref);
    const channel = this.#exclusive ? '' : this.#keys.wakes(ref);
    const args = [keys.member, checkTtl(tombstoneTtlMs), channel];
    const answer = await this.#scripts.run('erase', [keys.session, ...indexKeys(keys.shelf)], args);
    const [records, bytes, tasks, aliases, ...loose] = answer as Reply;
    await this.release(loose, ref.tenant);
    if (Number(records) < 0) return undefined;
    return { records: Number(records), bytes: Number(bytes), tasks: Number(tasks), aliases: Number(aliases) };
  }

  async firstRecord(ref: SessionRef): Promise<string | undefined> {
    const { session } = this.#keys.session(ref);
    try {
      return (await this.plain((client) => client.hget(session, '1'))) ?? undefined;
    } catch (error) {
      const isOther = error instanceof Error && error.message.startsWith('WRONGTYPE');
      throw isOther ? new SessionDamagedError(session, 'type', { cause: error }) : error;
    }
  }

  async forgetTenant(tenant: string): Promise<void> {
    const { tenants, instances, running } = this.#keys;
    await this.#scripts.run('forgetTenant', [tenants, instances], [encodeId(tenant), running]);
  }

  async orderErasure(target: ErasureTarget, keepMs: DurationMs): Promise<number> {
    const { erasures, erasure } = this.#keys;
    const args = [erasure, checkTtl(keepMs), JSON.stringify(target)];
    return Number(await this.#scripts.run('orderErasure', [erasures], args));
  }

  async erasuresAfter(number: number): Promise<readonly ErasureOrder[]> {
    const { erasures, erasure } = this.#keys;
    const flat = (await this.#scripts.run('erasures', [erasures], [erasure, number, ERASURES_MAX])) as (
      string | number
    )[];
    const orders: ErasureOrder[] = [];
    for (let i = 0; i + 2 < flat.length; i += 3) {
      const target = readTarget(String(flat[i + 2]));
      orders.push({ number: Number(flat[i]), ageMs: Number(flat[i + 1]), target });
    }
    return orders;
  }

  async erasureCarriedOut(number: number, instance: string, what: CarriedOut): Promise<void> {
    const args = [instanceField(encodeId(instance)), JSON.stringify(what)];
    await this.#scripts.run('erasureDone', [this.#keys.erasure + String(number)], args);
  }

  async erasureCarriedOutBy(number: number): Promise<ReadonlyMap<string, CarriedOut>> {
    const key = this.#keys.erasure + String(number);
    const fields = Object.entries(await this.plain((client) => client.hgetall(key)));
    const done = fields.flatMap(([field, text]): [string, CarriedOut][] => {
      const instance = instanceOfField(field);
      return instance === undefined ? [] : [[decodeId(instance), readCarriedOut(text)]];
    });
    return new Map(done);
  }
}
