import { expect } from 'chai';
import type { TASK_STATES } from '../../protocol/task-state.ts';
import { encodeTaskId, joinTaskId } from '../../server/sessions/session-ref.ts';
import type { ListPosition, ListedTask, TaskQuery } from '../../server/sessions/session-store.ts';
import { HOUR, KEEP, Writer, errorOf, refOf, taskOf } from './harness.ts';
import type { Suite } from './harness.ts';

const SUBMITTED = 'TASK_STATE_SUBMITTED';
const WORKING = 'TASK_STATE_WORKING';
const DONE = 'TASK_STATE_COMPLETED';

const idOf = ({ sessionId, local }: Pick<ListedTask, 'sessionId' | 'local'>): string =>
  joinTaskId(sessionId, local);
const placeOf = (task: ListedTask): ListPosition => ({ statusAt: task.statusAt, taskId: idOf(task) });

export function describeLists(suite: Suite): void {
  const list = (query: Partial<TaskQuery> = {}, tenant = 'acme') =>
    suite.store.listTasks(tenant, { limit: 100, ...query });
  const ids = async (query: Partial<TaskQuery> = {}, tenant = 'acme') =>
    (await list(query, tenant)).tasks.map(idOf);

  /** From the first page to the last. */
  const walk = async (limit: number, query: Partial<TaskQuery> = {}): Promise<string[]> => {
    const seen: string[] = [];
    let after: ListPosition | undefined;
    for (;;) {
      const page = await list({ ...query, limit, ...(after && { after }) });
      seen.push(...page.tasks.map(idOf));
      expect(page.tasks.length).to.be.at.most(limit);
      if (!page.more) return seen;
      expect(page.tasks).to.have.length(limit);
      after = placeOf(page.tasks.at(-1)!);
    }
  };

  /** `[session, local, status time, state]` each; all of a session in one commit. */
  const put = async (
    tasks: readonly (readonly [string, string, number, (typeof TASK_STATES)[number]?])[],
  ) => {
    const writers = new Map<string, Writer>();
    for (const [session, local, statusAt, state = WORKING] of tasks) {
      const entry = { tasks: [taskOf(local, state, null, { statusAt, summary: `${session}/${local}` })] };
      const writer = writers.get(session);
      if (writer !== undefined) await writer.append([], { ...entry, expiry: KEEP });
      else writers.set(session, await new Writer(suite.store, refOf(session)).create(['1'], entry));
    }
    return writers;
  };

  describe('a list of tasks', () => {
    it('is empty where there is none', async () => {
      expect(await list()).to.deep.equal({ tasks: [], totalSize: 0, more: false });
      expect(await list({ sessionId: 'nobody' })).to.deep.equal({ tasks: [], totalSize: 0, more: false });
      expect(await list({ state: DONE, since: 5 })).to.deep.equal({ tasks: [], totalSize: 0, more: false });
    });

    it('shows each task as its last status left it, newest first', async () => {
      const writers = await put([
        ['s1', 'a', 1_000],
        ['s2', 'b', 3_000],
        ['s1', 'c', 2_000, DONE],
      ]);
      const more = { statusAt: 4_000, summary: '{"new":true}' };
      await writers.get('s1')!.append([], { tasks: [taskOf('a', DONE, WORKING, more)], expiry: KEEP });
      expect(await list()).to.deep.equal({
        tasks: [
          { sessionId: 's1', local: 'a', statusAt: 4_000, summary: '{"new":true}' },
          { sessionId: 's2', local: 'b', statusAt: 3_000, summary: 's2/b' },
          { sessionId: 's1', local: 'c', statusAt: 2_000, summary: 's1/c' },
        ],
        totalSize: 3,
        more: false,
      });
    });

    it('orders equal times by encoded id, descending, whatever is in the ids', async () => {
      const sessions = ['a', 'a-', 'a.b', 'a/', 'ab', 'ä', 'B', 'b', '_', '9', 'a b'];
      const tasks = sessions.flatMap((session) => ['x', 'y'].map((local) => [session, local, 7] as const));
      await put(tasks);
      const expected = tasks
        .map(([session, local]) => [encodeTaskId(session, local), joinTaskId(session, local)] as const)
        .sort(([a], [b]) => (a < b ? 1 : -1))
        .map(([, id]) => id);
      expect(await ids()).to.deep.equal(expected);
      for (const limit of [1, 2, 5, 21, 22, 23]) expect(await walk(limit)).to.deep.equal(expected);
      expect(await walk(1, { sessionId: 'a' })).to.deep.equal(['a.y', 'a.x']);
    });

    it('gives every task once, whatever the size of the pages', async () => {
      const tasks = Array.from({ length: 30 }, (_, i) => [`s${i % 4}`, `t${i}`, 100 + (i % 7)] as const);
      await put(tasks);
      const all = await ids();
      expect(new Set(all)).to.have.property('size', 30);
      for (const limit of [1, 4, 7, 29, 30, 31]) expect(await walk(limit)).to.deep.equal(all);
    });

    it('is filtered by state, by session and by time, each alone and together, and counts what matches', async () => {
      await put([
        ['s1', 'a', 1_000],
        ['s1', 'b', 2_000, DONE],
        ['s1', 'c', 3_000, DONE],
        ['s2', 'd', 2_000, DONE],
        ['s2', 'e', 3_000],
        ['s', 'f', 4_000, SUBMITTED],
      ]);
      const cases: [Partial<TaskQuery>, string[]][] = [
        [{ state: DONE }, ['s1.c', 's2.d', 's1.b']],
        [{ sessionId: 's1' }, ['s1.c', 's1.b', 's1.a']],
        [{ sessionId: 's' }, ['s.f']],
        [{ since: 2_000 }, ['s.f', 's2.e', 's1.c', 's2.d', 's1.b']],
        [{ since: 2_001 }, ['s.f', 's2.e', 's1.c']],
        [{ since: 9_000 }, []],
        [{ state: DONE, since: 3_000 }, ['s1.c']],
        [{ state: DONE, sessionId: 's2' }, ['s2.d']],
        [{ sessionId: 's1', since: 2_000 }, ['s1.c', 's1.b']],
        [{ state: WORKING, sessionId: 's1', since: 1_001 }, []],
      ];
      for (const [query, expected] of cases) {
        const { tasks, totalSize, more } = await list(query);
        expect(tasks.map(idOf), JSON.stringify(query)).to.deep.equal(expected);
        expect([totalSize, more], JSON.stringify(query)).to.deep.equal([expected.length, false]);
        expect(await walk(1, query)).to.deep.equal(expected);
        const [first] = (await list({ ...query, limit: 1 })).tasks;
        if (first === undefined) continue;
        const rest = await list({ ...query, limit: 1, after: placeOf(first) });
        expect(rest.totalSize).to.equal(expected.length);
      }
    });

    it('goes on from the place of a task that has moved or gone, with those of its own time', async () => {
      const writers = await put(['a', 'b', 'c', 'd', 'e'].map((id) => [id, 't', 1_000] as const));
      await put([['z', 't', 500]]);
      const after = { statusAt: 1_000, taskId: 'c.t' };
      const expected = ['b.t', 'a.t', 'z.t'];
      expect(await ids({ after })).to.deep.equal(expected);
      const moved = taskOf('t', DONE, WORKING, { statusAt: 2_000 });
      await writers.get('c')!.append([], { tasks: [moved], expiry: KEEP });
      expect(await ids({ after })).to.deep.equal(expected);
      expect((await list({ after })).totalSize).to.equal(6);
      await suite.store.remove(refOf('c'), HOUR);
      expect(await ids({ after })).to.deep.equal(expected);
      expect(await ids({ after, sessionId: 'b' })).to.deep.equal(['b.t']);
      expect(await ids({ after, sessionId: 'd' })).to.deep.equal([]);
      expect(await ids({ after: { statusAt: 1_000, taskId: 'a.t' } })).to.deep.equal(['z.t']);
      expect(await ids({ after: { statusAt: 1_000, taskId: 'A.t' } })).to.deep.equal(['z.t']);
      expect(await ids({ after: { statusAt: 499, taskId: 'z.t' } })).to.deep.equal([]);
    });

    it('does not show what was taken out, removed, or is another tenant’s', async () => {
      const writers = await put([
        ['s1', 'a', 1_000],
        ['s1', 'b', 2_000],
        ['s2', 'c', 3_000],
      ]);
      await new Writer(suite.store, refOf('s1', 'other')).create(['1'], { tasks: [taskOf('x', WORKING)] });
      await writers.get('s1')!.append([], { tasks: [taskOf('a', null, WORKING)], expiry: KEEP });
      await suite.store.remove(refOf('s2'), HOUR);
      expect(await ids()).to.deep.equal(['s1.b']);
      expect(await ids({ state: WORKING })).to.deep.equal(['s1.b']);
      expect(await ids({ sessionId: 's1' })).to.deep.equal(['s1.b']);
      expect(await ids({ sessionId: 's2' })).to.deep.equal([]);
      expect(await ids({}, 'other')).to.deep.equal(['s1.x']);
      expect((await list()).totalSize).to.equal(1);
    });

    it('shows and counts nothing of sessions that have expired, however many, retired or not', async () => {
      const expiry = { kind: 'slide', ttlMs: 150 } as const;
      await put([['lives', 'a', 500]]);
      const begun = Array.from({ length: 120 }, (_, i) => `x${i}`).map((id) => {
        const tasks = [taskOf('t', WORKING)];
        return new Writer(suite.store, refOf(id)).create(['1'], { tasks, expiry });
      });
      await Promise.all(begun);
      await suite.harness.elapse(160);
      const expected = { totalSize: 1, more: false };
      expect(await list({ sessionId: 'x7' })).to.deep.equal({ tasks: [], totalSize: 0, more: false });
      expect(await list({ limit: 1 })).to.deep.include(expected);
      expect(await ids()).to.deep.equal(['lives.a']);
      expect(await list({ state: WORKING })).to.deep.include(expected);
    });

    it('of one long session is exact', async () => {
      const writer = await new Writer(suite.store).create(['1']);
      const at = (i: number): number => 1_000 + ((i * 7_919) % 101);
      for (let from = 0; from < 1_600; from += 400) {
        const tasks = Array.from({ length: 400 }, (_, i) =>
          taskOf(`t${from + i}`, (from + i) % 3 === 0 ? DONE : WORKING, null, { statusAt: at(from + i) }),
        );
        await writer.append([], { tasks, expiry: KEEP });
      }
      const numbers = Array.from({ length: 1_600 }, (_, i) => i).filter((i) => i % 3 === 0);
      const expected = numbers
        .sort((a, b) => at(b) - at(a) || (`t${a}` < `t${b}` ? 1 : -1))
        .map((i) => `s1.t${i}`);
      expect(await walk(100, { sessionId: 's1', state: DONE })).to.deep.equal(expected);
      expect((await list({ sessionId: 's1', state: DONE, limit: 3 })).totalSize).to.equal(expected.length);
      expect((await list({ sessionId: 's1' })).totalSize).to.equal(1_600);
      expect(await walk(400, { state: DONE })).to.deep.equal(expected);
    });

    it('has a bound', async () => {
      for (const limit of [0, -1, 1.5, 1_001, NaN])
        expect(await errorOf(list({ limit }))).to.be.instanceOf(RangeError);
    });
  });
}
