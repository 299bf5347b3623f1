import { ProtocolError } from '../../protocol/errors.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { RunningTask } from '../sessions/instance-store.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { RunKey } from '../sessions/records.ts';
import type { SessionRef } from '../sessions/session-ref.ts';
import { SessionDamagedError, StoreUnavailableError } from '../sessions/session-store.ts';
import type { A2AParts } from './a2a-parts.ts';
import { settleIfOrphan } from './settle.ts';

/** Sweeps within the time after which an instance is dead: a death is noticed so much later at most. */
const SWEEPS_PER_DEATH = 4;
/** Not all instances at the same moment. */
const SPREAD = 0.2;
const PAGE_TASKS = 100;
/** Sessions that are settled at once: they come into memory for it. */
const AT_ONCE = 8;
/** Tenants that one sweep looks into although nobody is known to have died. */
const TENANTS_PER_SWEEP = 20;
/** How often each of them has its turn at most, and how often the store is asked who they are. */
const TENANT_EVERY_MS: DurationMs = 60_000;
/** A dead instance of which something is left that cannot be settled is looked for again at most so rarely. */
const RETRY_MAX_MS: DurationMs = 60_000;

/** The store went away, the session is damaged, or there is no room or no peace for it now. */
const EXPECTED = [StoreUnavailableError, SessionDamagedError, ProtocolError];

/** By tenant: who runs the tasks that were found; undefined when it was not walked to its end. */
type Walks = Map<string, ReadonlySet<string> | undefined>;

/** What is being done about one dead instance. */
interface Death {
  /** Walks after which something of it was left. */
  rounds: number;
  /** Monotonic; `Infinity` when nothing of it is left. */
  nextAt: DurationMs;
}

/**
 * Settles tasks whose runner is gone although nobody asks for them. Every instance does so; two who meet the same task
 * settle it once, at its head. See docs/architecture.md.
 */
export class Reaper {
  readonly #parts: A2AParts;
  readonly #everyMs: DurationMs;
  readonly #deaths = new Map<string, Death>();
  /** The tenants the store knows of, and when each was last looked into; the one that waits longest is the first. */
  readonly #tenants = new Map<string, DurationMs>();
  #tenantsKnownAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | undefined;
  #ignoreNudges = (): void => undefined;
  #closed = false;

  constructor(parts: A2AParts) {
    this.#parts = parts;
    this.#everyMs = parts.sessions.liveness.deadMs / SWEEPS_PER_DEATH;
  }

  /** Sweeps at once: what a process before this one left, and what was handed over. */
  start(): void {
    void this.sweep();
    this.#schedule();
    this.#ignoreNudges = this.#parts.sessions.onNudge((ref) => void this.#lookAt(ref));
  }

  /** Begins nothing new. Resolves when what was begun is over. Never rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#ignoreNudges();
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  /** One pass; while one is under way that one. Never rejects. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep().finally(() => (this.#sweeping = undefined));
    return this.#sweeping;
  }

  #schedule(): void {
    if (this.#closed) return;
    const inMs = this.#everyMs * (1 + SPREAD * (2 * Math.random() - 1));
    this.#timer = setTimeout(() => {
      void this.sweep().finally(() => {
        this.#schedule();
      });
    }, inMs).unref();
  }

  get #isStopped(): boolean {
    return this.#closed || this.#parts.sessions.isAway();
  }

  async #sweep(): Promise<void> {
    if (this.#isStopped) return;
    try {
      const walked: Walks = new Map();
      await this.#reapTheDead(walked);
      await this.#walkOthers(walked);
    } catch (error) {
      // It has told so itself, and everything is looked for again.
      if (!(error instanceof StoreUnavailableError)) this.#parts.log('reaper_failed', {}, error);
    }
  }

  async #reapTheDead(walked: Walks): Promise<void> {
    const { clock, log, sessions } = this.#parts;
    const dead = await sessions.liveness.dead();
    const known = new Set(dead.map(({ instance }) => instance));
    // It has come back, or is forgotten.
    for (const instance of this.#deaths.keys()) if (!known.has(instance)) this.#deaths.delete(instance);
    for (const { instance, ageMs } of dead) {
      let death = this.#deaths.get(instance);
      if (death === undefined) {
        death = { rounds: 0, nextAt: -Infinity };
        this.#deaths.set(instance, death);
        // One that was stopped is no news for whoever stopped it.
        if (ageMs !== Infinity) log('instance_dead', { instance, silentMs: Math.round(ageMs) });
      }
      if (clock.mono() >= death.nextAt) await this.#reap(instance, death, walked);
      if (this.#isStopped) return;
      if (death.nextAt < Infinity || !(await sessions.liveness.isFinal(instance))) continue;
      await sessions.registry.forget(instance);
      this.#deaths.delete(instance);
    }
  }

  async #reap(instance: string, death: Death, walked: Walks): Promise<void> {
    let isLeft = false;
    for (const tenant of await this.#parts.sessions.registry.tenantsOf(instance)) {
      if (!walked.has(tenant)) walked.set(tenant, await this.#walk(tenant));
      const runners = walked.get(tenant);
      isLeft ||= runners === undefined || runners.has(instance);
      if (this.#isStopped) return;
    }
    if (!isLeft) death.nextAt = Infinity;
    else {
      const waitMs = Math.min(RETRY_MAX_MS, this.#everyMs * (2 ** death.rounds - 1));
      death.nextAt = this.#parts.clock.mono() + waitMs;
      death.rounds += 1;
    }
  }

  /** For what fell through: runners of which the store has lost every trace. */
  async #walkOthers(walked: ReadonlyMap<string, unknown>): Promise<void> {
    const { clock } = this.#parts;
    if (clock.mono() - this.#tenantsKnownAt >= TENANT_EVERY_MS) await this.#learnTenants();
    let left = TENANTS_PER_SWEEP;
    for (const [tenant, at] of [...this.#tenants]) {
      if (left-- === 0 || this.#isStopped || clock.mono() - at < TENANT_EVERY_MS) return;
      this.#tenants.delete(tenant);
      this.#tenants.set(tenant, clock.mono());
      if (!walked.has(tenant)) await this.#walk(tenant);
    }
  }

  async #learnTenants(): Promise<void> {
    const noted = new Set(await this.#parts.sessions.registry.tenants());
    this.#tenantsKnownAt = this.#parts.clock.mono();
    for (const tenant of this.#tenants.keys()) if (!noted.has(tenant)) this.#tenants.delete(tenant);
    const others = [...this.#tenants];
    this.#tenants.clear();
    // Those that were never looked into stand in front of all others.
    for (const tenant of noted) this.#tenants.set(tenant, -Infinity);
    for (const [tenant] of others) this.#tenants.delete(tenant);
    for (const [tenant, at] of others) this.#tenants.set(tenant, at);
  }

  /**
   * All submitted and working tasks of a tenant; those whose runner is gone are settled.
   *
   * @returns who ran what was found; undefined when it was not walked to its end
   */
  async #walk(tenant: string): Promise<ReadonlySet<string> | undefined> {
    const runners = new Set<string>();
    let after: string | undefined;
    do {
      const page = await this.#parts.sessions.registry.runningTasks(tenant, PAGE_TASKS, after);
      const orphans: RunningTask[] = [];
      for (const task of page.tasks) {
        if (task.by !== undefined) runners.add(runnerOf(task.by));
        if (await this.#mayBeOrphan(tenant, task)) orphans.push(task);
      }
      for (let i = 0; i < orphans.length; i += AT_ONCE) {
        if (this.#isStopped) return undefined;
        await Promise.all(orphans.slice(i, i + AT_ONCE).map((task) => this.#settle(tenant, task)));
      }
      after = page.next;
    } while (after !== undefined);
    return runners;
  }

  /** As far as its summary tells: its session has the last word. @throws {StoreUnavailableError} */
  async #mayBeOrphan(tenant: string, { sessionId, local, by }: RunningTask): Promise<boolean> {
    const { runner, sessions } = this.#parts;
    if (by === undefined) return true;
    const who = runnerOf(by);
    if (who === sessions.instance) return !runner.isRunning({ tenant, sessionId }, local);
    return sessions.liveness.isDead(who);
  }

  /** Somebody waits for a task of this instance in a session: it may be one that was never begun. Never rejects. */
  async #lookAt(ref: SessionRef): Promise<void> {
    if (this.#isStopped) return;
    const { runner, sessions } = this.#parts;
    await this.#inSession(ref, async (session) => {
      const tasks = [...session.view.tasks()].filter(
        (task) => task.runner === sessions.instance && !runner.isRunning(ref, task.local),
      );
      for (const { local } of tasks) await settleIfOrphan(this.#parts, session, local, false);
    });
  }

  /** A session that cannot be read or is full does not keep the others from their turn. */
  async #settle(tenant: string, { sessionId, local }: RunningTask): Promise<void> {
    await this.#inSession({ tenant, sessionId }, (session) =>
      settleIfOrphan(this.#parts, session, local, false),
    );
  }

  async #inSession(ref: SessionRef, work: (session: LiveSession) => Promise<void>): Promise<void> {
    const { log, sessions } = this.#parts;
    try {
      const session = await sessions.openFresh(ref);
      if (session === undefined) return;
      try {
        await work(session);
      } finally {
        sessions.release(session);
      }
    } catch (error) {
      // Told elsewhere, or passing: it is looked for again.
      if (!EXPECTED.some((kind) => error instanceof kind)) log('reaper_failed', { ...ref }, error);
    }
  }
}

const runnerOf = (by: RunKey): string => by.slice(0, by.lastIndexOf('.'));
