import type { Redis } from 'ioredis';
import type { DurationMs } from '../../../protocol/units.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import type {
  InstanceSeen,
  InstanceStore,
  RunningTasks,
  StoreWarning,
  Unwatch,
} from '../../sessions/instance-store.ts';
import type { TenantCensus } from '../../sessions/store-census.ts';
import { decodeId } from '../encoded-ids.ts';
import { FORGET_INSTANCE_MS } from '../running-tasks.ts';
import type { RedisClient } from './client.ts';
import { isWrongType, toStoreError } from './errors.ts';
import type { RedisKeys } from './keys.ts';
import { takeCensus } from './redis-census.ts';
import { findRunningTasks } from './redis-running.ts';
import { findWarnings } from './redis-warnings.ts';
import { createSubscriberLike, RedisWakeups, type HintListener } from './redis-wakeups.ts';
import type { ScriptRunner } from './script-runner.ts';

export interface RedisInstancesOptions {
  /** Only this process uses the store: commits wake nobody, and nobody listens. */
  readonly exclusive: boolean;
  /** Life of an index key: twice the largest TTL that a session may have. */
  readonly indexTtlMs: DurationMs;
  /**
   * Makes a connection for hints: see `RedisWakeups`. Called anew for each, so that it may choose another node. Default: one
   * like the store's, and none beside a cluster.
   */
  readonly createSubscriber?: () => Redis;
}

/** What a Redis knows of the instances that share it. All keys of the registry are in one slot. */
export abstract class RedisInstances implements InstanceStore {
  readonly #client: RedisClient;
  readonly #scripts: ScriptRunner;
  readonly #keys: RedisKeys;
  readonly #options: RedisInstancesOptions;
  readonly #wakeups: RedisWakeups | undefined;
  /** As whom this process writes. */
  readonly #writers = new Set<string>();

  protected constructor(
    client: RedisClient,
    scripts: ScriptRunner,
    keys: RedisKeys,
    options: RedisInstancesOptions,
  ) {
    this.#client = client;
    this.#scripts = scripts;
    this.#keys = keys;
    this.#options = options;
    const like = 'nodes' in client ? undefined : () => createSubscriberLike(client);
    const create = options.createSubscriber ?? like;
    if (!options.exclusive && create !== undefined) this.#wakeups = new RedisWakeups(create);
  }

  async beat(instance: string): Promise<number> {
    const args = [encodeId(instance), FORGET_INSTANCE_MS, this.#keys.running];
    return Number(await this.#scripts.run('beat', [this.#keys.instances, this.#keys.erasures], args));
  }

  async instances(): Promise<readonly InstanceSeen[]> {
    const args = [FORGET_INSTANCE_MS, this.#keys.running];
    const flat = (await this.#scripts.run('instances', [this.#keys.instances], args)) as (string | number)[];
    const seen: InstanceSeen[] = [];
    for (let i = 0; i + 1 < flat.length; i += 2) {
      const age = Number(flat[i + 1]);
      seen.push({ instance: decodeId(String(flat[i])), ageMs: age < 0 ? Infinity : age });
    }
    return seen;
  }

  async leave(instance: string): Promise<void> {
    await this.#scripts.run('leave', this.#ownKeys(instance), [encodeId(instance)]);
  }

  async forget(instance: string): Promise<void> {
    await this.#scripts.run('forget', this.#ownKeys(instance), [encodeId(instance)]);
  }

  #ownKeys(instance: string): string[] {
    return [this.#keys.instances, this.#keys.running + encodeId(instance)];
  }

  async noteTenant(tenant: string, instance: string): Promise<void> {
    const keys = [this.#keys.tenants, this.#keys.running + encodeId(instance)];
    await this.#scripts.run('noteTenant', keys, [encodeId(tenant), this.#options.indexTtlMs]);
  }

  tenants(): Promise<readonly string[]> {
    return this.#tenantsIn(this.#keys.tenants);
  }

  census(tenant: string): Promise<TenantCensus> {
    return takeCensus(this.#scripts, this.#keys, tenant);
  }

  tenantsOf(instance: string): Promise<readonly string[]> {
    return this.#tenantsIn(this.#keys.running + encodeId(instance));
  }

  async #tenantsIn(key: string): Promise<readonly string[]> {
    const noted = await this.#scripts.run('tenants', [key], [this.#options.indexTtlMs]);
    return (noted as string[]).map(decodeId);
  }

  runningTasks(tenant: string, limit: number, after?: string): Promise<RunningTasks> {
    const countAll = (keys: readonly string[]) =>
      this.plain((client) => Promise.all(keys.map((key) => client.zcount(key, '-inf', '+inf'))), keys);
    return findRunningTasks(this.#scripts, this.#keys.shelves(tenant), countAll, limit, after);
  }

  async watch(ref: SessionRef, onWake: (head?: number) => void): Promise<Unwatch> {
    const onMessage = (message: string): void => {
      const [, head, writer = ''] = /^(\d+)(?: (.+))?$/.exec(message) ?? [];
      if (!this.#writers.has(writer)) onWake(head === undefined ? undefined : Number(head));
    };
    return await this.#listen(this.#keys.wakes(ref), {
      onMessage,
      onGap: () => {
        onWake();
      },
    });
  }

  /** Own commits are no news to own watchers. */
  protected writesAs(instance: string): void {
    this.#writers.add(instance);
  }

  async #listen(channel: string, listener: HintListener): Promise<Unwatch> {
    return (await this.#wakeups?.listen(channel, listener)) ?? (() => undefined);
  }

  async nudge(instance: string, { tenant, sessionId }: SessionRef): Promise<void> {
    if (this.#options.exclusive) return;
    const message = JSON.stringify([tenant, sessionId]);
    await this.plain((client) => client.publish(this.#keys.nudges(instance), message));
  }

  async onNudge(instance: string, listener: (ref: SessionRef) => void): Promise<Unwatch> {
    const onMessage = (message: string): void => {
      const ref = readNudge(message);
      if (ref !== undefined) listener(ref);
    };
    return await this.#listen(this.#keys.nudges(instance), { onMessage });
  }

  async shared(name: string, value: string): Promise<string> {
    return String(await this.#scripts.run('share', [this.#keys.settings], [name, value]));
  }

  warnings(): Promise<readonly StoreWarning[]> {
    return this.plain(findWarnings);
  }

  protected endHints(): void {
    this.#wakeups?.close();
  }

  protected fieldOf(index: string, field: string): Promise<string | null> {
    return this.plain((client) => client.hget(index, field), [index]);
  }

  /** @param indexes which of them has another type is what is thrown then */
  protected async plain<T>(
    work: (client: RedisClient) => Promise<T>,
    indexes: readonly string[] = [],
  ): Promise<T> {
    try {
      return await work(this.#client);
    } catch (error) {
      const cause = toStoreError(error);
      throw indexes.length > 0 && isWrongType(cause) ? await this.#scripts.whichIsWrong(indexes) : cause;
    }
  }
}

/** Anybody with the right to the channel can say anything there. */
function readNudge(message: string): SessionRef | undefined {
  try {
    const [tenant, sessionId] = JSON.parse(message) as unknown[];
    return typeof tenant === 'string' && typeof sessionId === 'string' ? { tenant, sessionId } : undefined;
  } catch {
    return undefined;
  }
}
