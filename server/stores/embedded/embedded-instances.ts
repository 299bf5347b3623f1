import { TASK_STATES } from '../../../protocol/task-state.ts';
import type { DurationMs, EpochMs } from '../../../protocol/units.ts';
import type { Scope } from '../../security/space.ts';
import { encodeId, refKey } from '../../sessions/session-ref.ts';
import type { SessionRef } from '../../sessions/session-ref.ts';
import type {
  InstanceSeen,
  InstanceStore,
  RunningTask,
  RunningTasks,
  StoreWarning,
  Unwatch,
} from '../../sessions/instance-store.ts';
import type { TenantCensus } from '../../sessions/store-census.ts';
import { decodeId } from '../encoded-ids.ts';
import { checkPageLimit } from '../request-checks.ts';
import { readPageToken, RUNNING_STATES, toPageToken, toRunningTask } from '../running-tasks.ts';
import { liveIn } from './commit-rules.ts';
import { forget, forgetTenants, instancesSeen, leave, noteTenant, tenantsNoted } from './instance-rules.ts';
import { newestOrder } from './erasure-rules.ts';
import { isThere } from './list-rules.ts';
import type { Address, LiveEntry, Tables } from './tables.ts';

const FORGET_EVERY_MS: DurationMs = 3_600_000;

/**
 * What an embedded store knows of instances. One process has it open, but in it there may be several who write: they wake
 * each other like those that share a Redis.
 */
export abstract class EmbeddedInstances implements InstanceStore {
  protected readonly now: () => EpochMs;
  readonly #watchers = new Listeners<number>();
  readonly #nudged = new Listeners<SessionRef>();
  #forgotAt = -Infinity;

  /** @param now decides what has expired; this store's store time */
  protected constructor(now: () => EpochMs) {
    this.now = now;
  }

  protected abstract view<T>(work: (tables: Tables) => T): Promise<T>;
  /**
   * Resolves when what `work` wrote is committed; a `work` that throws has written nothing. It may be run a second time,
   * with nothing of the first left.
   */
  protected abstract write<T>(work: (tables: Tables) => T): Promise<T>;

  protected live(tables: Tables, at: Address, epoch?: string): LiveEntry | undefined {
    return liveIn(tables, at, this.now(), epoch);
  }

  /**
   * Who shares sessions is decided once, by whoever begins the store. One from before there were scopes has tenants, and
   * in each of them sessions are shared.
   *
   * @returns the scope that holds
   */
  keepScope(scope: Scope): Promise<string> {
    return this.write((tables) => {
      const kept = tables.setting('scope') ?? (tables.tenants().length > 0 ? 'tenant' : scope);
      tables.putSetting('scope', kept);
      return kept;
    });
  }

  shared(name: string, value: string): Promise<string> {
    return this.write((tables) => {
      const kept = tables.setting(name);
      if (kept === undefined) tables.putSetting(name, value);
      return kept ?? value;
    });
  }

  beat(instance: string): Promise<number> {
    return this.write((tables) => {
      tables.putBeat(encodeId(instance), { at: this.now() });
      return newestOrder(tables);
    });
  }

  instances(): Promise<readonly InstanceSeen[]> {
    return this.write((tables) => instancesSeen(tables, this.now()));
  }

  census(tenant: string): Promise<TenantCensus> {
    const encoded = encodeId(tenant);
    return this.view((tables) => ({
      tasks: new Map(TASK_STATES.map((state) => [state, tables.countTasks(encoded, state, undefined)])),
    }));
  }

  leave(instance: string): Promise<void> {
    return this.write((tables) => {
      leave(tables, instance, this.now());
    });
  }

  forget(instance: string): Promise<void> {
    return this.write((tables) => {
      forget(tables, instance);
    });
  }

  async noteTenant(tenant: string, instance: string): Promise<void> {
    const now = this.now();
    const forgets = now - this.#forgotAt >= FORGET_EVERY_MS;
    await this.write((tables) => {
      if (forgets) forgetTenants(tables, now);
      noteTenant(tables, tenant, instance, now);
    });
    if (forgets) this.#forgotAt = now;
  }

  tenants(): Promise<readonly string[]> {
    return this.view((tables) => tenantsNoted(tables, this.now()));
  }

  tenantsOf(instance: string): Promise<readonly string[]> {
    return this.view((tables) => tables.running(encodeId(instance)).map(decodeId));
  }

  async runningTasks(tenant: string, limit: number, after?: string): Promise<RunningTasks> {
    checkPageLimit(limit);
    return await this.view((tables) => {
      const tasks: RunningTask[] = [];
      let left = limit;
      let { index, last } = readPageToken(after);
      for (const state of RUNNING_STATES.slice(index)) {
        const found = tables.tasksBehind(encodeId(tenant), state, last, left);
        for (const { member, task } of found) {
          last = { statusAt: task.statusAt, member };
          if (isThere(() => this.live(tables, toAddress(tenant, member))))
            tasks.push(toRunningTask(member, task.summary));
        }
        left -= found.length;
        if (left === 0) return { tasks, next: toPageToken({ index, last }) };
        [index, last] = [index + 1, undefined];
      }
      return { tasks };
    });
  }

  watch(ref: SessionRef, onWake: (head?: number) => void): Promise<Unwatch> {
    return Promise.resolve(this.#watchers.add(refKey(ref), onWake));
  }

  /** Tells those who watch a session that it was written. @param head 0: it was removed */
  protected wake(ref: SessionRef, head: number): void {
    if (!this.#watchers.isEmpty) this.#watchers.tell(refKey(ref), head);
  }

  nudge(instance: string, ref: SessionRef): Promise<void> {
    this.#nudged.tell(instance, ref);
    return Promise.resolve();
  }

  onNudge(instance: string, listener: (ref: SessionRef) => void): Promise<Unwatch> {
    return Promise.resolve(this.#nudged.add(instance, listener));
  }

  warnings(): Promise<readonly StoreWarning[]> {
    return Promise.resolve([]);
  }
}

const toAddress = (tenant: string, member: string): Address => ({
  tenant: encodeId(tenant),
  session: member.slice(0, member.indexOf('.')),
});

/** Who listens to what, in this process. */
class Listeners<T> {
  readonly #listeners = new Map<string, Set<(news: T) => void>>();

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(key: string, listener: (news: T) => void): Unwatch {
    const own = (news: T): void => {
      listener(news);
    };
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(own));
    return () => {
      listeners.delete(own);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  /** In a turn of their own: whoever wrote is neither kept waiting nor hit by what they throw. */
  tell(key: string, news: T): void {
    for (const listener of this.#listeners.get(key) ?? []) {
      void Promise.resolve().then(() => {
        if (this.#listeners.get(key)?.has(listener) === true) listener(news);
      });
    }
  }
}
