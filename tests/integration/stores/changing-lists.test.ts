/** Lists whose tasks are made, moved, taken out, removed and expired while somebody reads page after page. */
import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TASK_STATES, type TaskState } from '../../../protocol/task-state.ts';
import { encodeTaskId, joinTaskId } from '../../../server/sessions/session-ref.ts';
import type {
  ListPosition,
  ListedTask,
  SessionStore,
  TaskQuery,
} from '../../../server/sessions/session-store.ts';
import { LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { HOUR, KEEP, Writer, refOf, taskOf } from '../../contract/harness.ts';
import { elapse, useRedisStores } from '../../contract/redis-harness.ts';
import { useRedis } from '../../helpers/redis.ts';
import { Random } from '../../property/model/random.ts';

const WALKS = 40;
/** Few moments, so that many tasks share one. */
const MOMENTS = 12;

interface Opened {
  readonly store: SessionStore;
  readonly elapse: (ms: number) => Promise<void>;
  readonly close?: () => Promise<void>;
}

interface Known {
  readonly state: TaskState;
  readonly statusAt: number;
}

/** What there is, as far as the one who changes it knows. */
class Changes {
  readonly #opened: Opened;
  readonly #random: Random;
  readonly #writers = new Map<string, Writer>();
  readonly tasks = new Map<string, Known & { session: string; local: string }>();
  /** Made, moved or gone since it was last cleared. */
  readonly touched = new Set<string>();
  #made = 0;

  constructor(opened: Opened, random: Random) {
    this.#opened = opened;
    this.#random = random;
  }

  get sessions(): string[] {
    return [...this.#writers.keys()];
  }

  async next(): Promise<void> {
    const what = this.#random.below(10);
    if (this.#writers.size < 8 || what < 3) await this.create();
    else if (what < 7) await this.#move();
    else if (what < 8) await this.#takeOut();
    else await this.#end(what === 8);
  }

  async create(): Promise<void> {
    const session = `s${this.#random.oneOf(['', '.', '-', '/'])}${(this.#made += 1)}`;
    const locals = ['x', 'y', 'z'].slice(0, 1 + this.#random.below(3));
    const writer = new Writer(this.#opened.store, refOf(session));
    const known = locals.map((local) => ({ session, local, ...this.#fate() }));
    for (const { local } of known) this.touched.add(joinTaskId(session, local));
    await writer.create(['1'], {
      tasks: known.map(({ local, state, statusAt }) => taskOf(local, state, null, { statusAt })),
    });
    this.#writers.set(session, writer);
    for (const task of known) this.tasks.set(joinTaskId(session, task.local), task);
  }

  async #move(): Promise<void> {
    const [id, task] = this.#random.oneOf([...this.tasks]);
    const fate = this.#fate();
    this.touched.add(id);
    const tasks = [taskOf(task.local, fate.state, task.state, { statusAt: fate.statusAt })];
    await this.#writers.get(task.session)?.append([], { tasks, expiry: KEEP });
    this.tasks.set(id, { ...task, ...fate });
  }

  async #takeOut(): Promise<void> {
    const [id, task] = this.#random.oneOf([...this.tasks]);
    this.touched.add(id);
    const tasks = [taskOf(task.local, null, task.state)];
    await this.#writers.get(task.session)?.append([], { tasks, expiry: KEEP });
    this.tasks.delete(id);
  }

  async #end(isRemoved: boolean): Promise<void> {
    const [session, writer] = this.#random.oneOf([...this.#writers]);
    this.#writers.delete(session);
    for (const [id, task] of this.tasks) {
      if (task.session !== session) continue;
      this.touched.add(id);
      this.tasks.delete(id);
    }
    if (isRemoved) {
      await this.#opened.store.remove(writer.ref, HOUR);
      return;
    }
    await writer.append([], { expiry: { kind: 'slide', ttlMs: 1 } });
    await this.#opened.elapse(2);
  }

  #fate(): Known {
    return { state: this.#random.oneOf(TASK_STATES), statusAt: 1_000 + this.#random.below(MOMENTS) };
  }

  matching({ sessionId, state, since }: Partial<TaskQuery>): string[] {
    return [...this.tasks]
      .filter(([, task]) => sessionId === undefined || task.session === sessionId)
      .filter(([, task]) => state === undefined || task.state === state)
      .filter(([, task]) => since === undefined || task.statusAt >= since)
      .map(([id]) => id);
  }
}

const idOf = ({ sessionId, local }: ListedTask): string => joinTaskId(sessionId, local);

function expectOrder(seen: readonly ListedTask[]): void {
  const places = seen.map(
    ({ statusAt, sessionId, local }) => [statusAt, encodeTaskId(sessionId, local)] as const,
  );
  for (let i = 1; i < places.length; i += 1) {
    const [before, after] = [places[i - 1]!, places[i]!];
    const isBehind = after[0] < before[0] || (after[0] === before[0] && after[1] < before[1]);
    expect(isBehind, `${after.join(' ')} behind ${before.join(' ')}`).to.equal(true);
  }
}

function describeChanging(name: string, open: () => Promise<Opened>): void {
  describe(`a list that changes while it is read: ${name}`, () => {
    let opened: Opened | undefined;
    afterEach(async () => {
      await opened?.close?.();
    });

    it('gives every task that stays where it is exactly once, in order', async function () {
      this.timeout(60_000);
      opened = await open();
      const { store } = opened;
      const random = new Random(20_260_102);
      const changes = new Changes(opened, random);
      for (let i = 0; i < 30; i += 1) await changes.create();
      let unmoved = 0;
      for (let walk = 0; walk < WALKS; walk += 1) {
        const query = random.oneOf<Partial<TaskQuery>>([
          {},
          {},
          { state: random.oneOf(TASK_STATES) },
          { since: 1_000 + random.below(MOMENTS) },
          { sessionId: random.oneOf(changes.sessions) },
        ]);
        const isStill = walk % 4 === 0;
        const before = changes.matching(query);
        changes.touched.clear();
        const seen: ListedTask[] = [];
        const totals: number[] = [];
        for (let after: ListPosition | undefined; ;) {
          const page = store.listTasks('acme', {
            ...query,
            limit: 1 + random.below(9),
            ...(after && { after }),
          });
          // also while the page is under way
          if (!isStill) await changes.next();
          const { tasks, totalSize, more } = await page;
          seen.push(...tasks);
          totals.push(totalSize);
          const last = tasks.at(-1);
          if (!more || last === undefined) break;
          after = { statusAt: last.statusAt, taskId: idOf(last) };
          for (let i = random.below(4); i > 0 && !isStill; i -= 1) await changes.next();
        }
        const stayed = before.filter((id) => !changes.touched.has(id));
        const met = seen.map(idOf).filter((id) => !changes.touched.has(id));
        expect(met).to.have.members(stayed);
        expectOrder(seen);
        if (isStill) expect(new Set(totals)).to.deep.equal(new Set([before.length]));
        unmoved += stayed.length;
      }
      // the walks were about something
      expect(unmoved).to.be.above(WALKS * 5);
    });
  });
}

const withClock = async (
  make: (now: () => number) => Promise<SessionStore> | SessionStore,
): Promise<Opened> => {
  let now = 1_700_000_000_000;
  const store = await make(() => now);
  const pass = (ms: number): Promise<void> => {
    now += ms;
    return Promise.resolve();
  };
  return { store, elapse: pass, close: () => store.close() };
};

describeChanging('memory', () => withClock((now) => new MemorySessionStore(now)));

describeChanging('lmdb', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-lists-'));
  const opened = await withClock((now) => LmdbSessionStore.open({ folder, pid: process.pid, now }));
  const close = async (): Promise<void> => {
    await opened.close?.();
    await rm(folder, { recursive: true });
  };
  return { ...opened, close };
});

describe('redis', () => {
  const redis = useRedis();
  const openStore = useRedisStores(redis);
  for (const buckets of [1, 16]) {
    describeChanging(`redis, ${buckets} of its buckets`, async () => ({
      store: await openStore({ buckets }),
      elapse: (ms) => elapse(redis.client, ms),
    }));
  }
});
