import { expect } from 'chai';
import type { TaskState } from '../../protocol/task-state.ts';
import type { RunningTask } from '../../server/sessions/session-store.ts';
import { HOUR, Writer, errorOf, refOf, taskOf } from './harness.ts';
import type { Suite } from './harness.ts';

const [SUBMITTED, WORKING, DONE] = [
  'TASK_STATE_SUBMITTED',
  'TASK_STATE_WORKING',
  'TASK_STATE_COMPLETED',
] as const;

const summaryOf = (by: string, state: TaskState = WORKING): string =>
  JSON.stringify({ state, at: 1_000, by });

export function describeInstances(suite: Suite): void {
  const ageOf = async (instance: string): Promise<number | undefined> =>
    (await suite.store.instances()).find((seen) => seen.instance === instance)?.ageMs;

  describe('instances', () => {
    it('are known from their first beat', async () => {
      expect(await suite.store.instances()).to.deep.equal([]);
      for (const instance of ['i1', 'i.2:{x}']) await suite.store.beat(instance);
      const seen = await suite.store.instances();
      expect(seen.map(({ instance }) => instance).sort()).to.deep.equal(['i.2:{x}', 'i1']);
      for (const { ageMs } of seen) expect(ageMs).to.be.within(0, 10_000);
    });

    it('age with store time', async () => {
      await suite.store.beat('i1');
      await suite.harness.elapse(200);
      const old = await ageOf('i1');
      expect(old).to.be.within(200, 10_000);
      await suite.store.beat('i1');
      expect(await ageOf('i1')).to.be.below(old ?? 0);
    });

    it('are dead once they have left, and known for what they leave behind', async () => {
      for (const instance of ['i1', 'i2']) {
        await suite.store.beat(instance);
        await suite.store.noteTenant('acme', instance);
      }
      await suite.store.leave('i1');
      expect(await ageOf('i1')).to.equal(Infinity);
      expect(await ageOf('i2')).to.be.below(10_000);
      await suite.store.leave('i1');
      expect(await ageOf('i1')).to.equal(Infinity);
      expect(await suite.store.tenantsOf('i1')).to.deep.equal(['acme']);
    });

    it('are gone at once when they leave nothing behind', async () => {
      await suite.store.beat('i1');
      await suite.store.leave('i1');
      await suite.store.leave('never seen');
      expect(await suite.store.instances()).to.deep.equal([]);
    });

    it('are forgotten with their tenants, which stay known', async () => {
      for (const instance of ['i1', 'i2']) {
        await suite.store.beat(instance);
        await suite.store.noteTenant('acme', instance);
      }
      await suite.store.leave('i1');
      await suite.store.forget('i1');
      await suite.store.forget('i1');
      expect([await ageOf('i1'), await suite.store.tenantsOf('i1')]).to.deep.equal([undefined, []]);
      expect(await ageOf('i2')).to.be.below(10_000);
      expect(await suite.store.tenantsOf('i2')).to.deep.equal(['acme']);
      expect(await suite.store.tenants()).to.deep.equal(['acme']);
    });

    it('are alive again when they beat again', async () => {
      await suite.store.noteTenant('acme', 'i1');
      await suite.store.leave('i1');
      await suite.store.beat('i1');
      expect(await ageOf('i1')).to.be.below(10_000);
    });
  });

  describe('what all share', () => {
    it('is what the first one says, in the store and not in who has it open', async () => {
      const said = await Promise.all(['a', 'b', 'c'].map((value) => suite.store.shared('key', value)));
      expect(new Set(said).size).to.equal(1);
      expect(said[0]).to.be.oneOf(['a', 'b', 'c']);
      expect(await suite.store.shared('key', 'd')).to.equal(said[0]);
      expect(await suite.store.shared('another', 'd')).to.equal('d');
    });

    suite.needs('hints')('is known to other instances', async () => {
      await suite.store.shared('key', 'a');
      expect(await (await suite.harness.other()).shared('key', 'b')).to.equal('a');
    });
  });

  describe('tenants', () => {
    it('are known once they were noted, and by whom', async () => {
      expect([await suite.store.tenants(), await suite.store.tenantsOf('i1')]).to.deep.equal([[], []]);
      for (const tenant of ['acme', 'a.b:{c}', 'ä', 'acme']) await suite.store.noteTenant(tenant, 'i1');
      await suite.store.noteTenant('acme', 'i.2');
      expect([...(await suite.store.tenants())].sort()).to.deep.equal(['a.b:{c}', 'acme', 'ä']);
      expect([...(await suite.store.tenantsOf('i1'))].sort()).to.deep.equal(['a.b:{c}', 'acme', 'ä']);
      expect(await suite.store.tenantsOf('i.2')).to.deep.equal(['acme']);
      expect(await suite.store.tenantsOf('i')).to.deep.equal([]);
    });
  });

  describe('running tasks', () => {
    const nameOf = ({ sessionId, local }: RunningTask): string => `${sessionId} ${local}`;

    /** Every page until the last. */
    const allPages = async (limit: number, tenant = 'acme'): Promise<RunningTask[][]> => {
      const pages: RunningTask[][] = [];
      for (let after: string | undefined; ;) {
        const { tasks, next } = await suite.store.runningTasks(tenant, limit, after);
        pages.push([...tasks]);
        if (next === undefined) return pages;
        expect(next).to.not.equal(after);
        after = next;
      }
    };

    it('are the submitted and the working of the tenant, and who runs them', async () => {
      const tasks = (['SUBMITTED', 'WORKING', 'COMPLETED', 'INPUT_REQUIRED', 'CANCELED'] as const).map(
        (name) => {
          const state = `TASK_STATE_${name}` as const;
          return taskOf(name, state, null, { summary: summaryOf(`run-${name}.1`, state) });
        },
      );
      await new Writer(suite.store, refOf('a.b/c')).create(['1'], { tasks });
      await new Writer(suite.store, refOf('s', 'other')).create(['1'], { tasks });
      const found = (await allPages(10)).flat().sort((a, b) => (a.local < b.local ? -1 : 1));
      expect(found).to.deep.equal([
        { sessionId: 'a.b/c', local: 'SUBMITTED', by: 'run-SUBMITTED.1' },
        { sessionId: 'a.b/c', local: 'WORKING', by: 'run-WORKING.1' },
      ]);
      expect(await suite.store.runningTasks('nobody', 10)).to.deep.equal({ tasks: [] });
    });

    it('move with their state', async () => {
      const writer = await new Writer(suite.store).create(['1'], { tasks: [taskOf('t', SUBMITTED)] });
      expect((await allPages(10)).flat().map(nameOf)).to.deep.equal(['s1 t']);
      await writer.append(['2'], { tasks: [taskOf('t', WORKING, SUBMITTED, { summary: summaryOf('i.2') })] });
      expect((await allPages(10)).flat()).to.deep.equal([{ sessionId: 's1', local: 't', by: 'i.2' }]);
      await writer.append(['3'], { tasks: [taskOf('t', DONE, WORKING)] });
      expect((await allPages(10)).flat()).to.deep.equal([]);
    });

    it('come in pages, each task once, also of one status time', async () => {
      const expected: string[] = [];
      for (let s = 0; s < 12; s += 1) {
        const tasks = Array.from({ length: 4 }, (_, t) => {
          expected.push(`s${s} t${t}`);
          const statusAt = t === 0 ? 1_000 : 2_000 + s;
          return taskOf(`t${t}`, t % 2 === 0 ? WORKING : SUBMITTED, null, { statusAt });
        });
        await new Writer(suite.store, refOf(`s${s}`)).create(['1'], { tasks });
      }
      for (const limit of [1, 5, 7, 48, 1_000]) {
        const pages = await allPages(limit);
        for (const page of pages) expect(page.length).to.be.at.most(limit);
        expect(pages.length).to.be.at.most(Math.ceil(48 / limit) + 34);
        expect(pages.flat().map(nameOf).sort()).to.deep.equal([...expected].sort());
      }
    });

    it('say nothing of their runner when their summary cannot be read', async () => {
      const summaries = [
        'not json',
        'null',
        '{}',
        '{"state":"TASK_STATE_WORKING"}',
        '{"state":"x","by":"i.1"}',
        '',
      ];
      const tasks = summaries.map((summary, i) => taskOf(`t${i}`, WORKING, null, { summary }));
      await new Writer(suite.store).create(['1'], { tasks });
      const found = (await allPages(10)).flat();
      expect(found.map(({ local }) => local).sort()).to.deep.equal(['t0', 't1', 't2', 't3', 't4', 't5']);
      expect(found.map(({ by }) => by)).to.deep.equal(summaries.map(() => undefined));
    });

    it('end with their session, and do not hide those behind them', async () => {
      const expiry = { kind: 'slide', ttlMs: 60 } as const;
      for (let i = 0; i < 9; i += 1)
        await new Writer(suite.store, refOf(`x${i}`)).create(['1'], {
          tasks: [taskOf('t', WORKING)],
          expiry,
        });
      const removed = await new Writer(suite.store).create(['1'], { tasks: [taskOf('t', WORKING)] });
      await suite.store.remove(removed.ref, HOUR);
      await new Writer(suite.store, refOf('lives')).create(['1'], {
        tasks: [
          taskOf('old', WORKING, null, { statusAt: 1 }),
          taskOf('new', WORKING, null, { statusAt: 9_000 }),
        ],
      });
      await suite.harness.elapse(61);
      expect((await allPages(3)).flat().map(nameOf).sort()).to.deep.equal(['lives new', 'lives old']);
    });

    it('cannot be asked for in no number, nor from nowhere', async () => {
      for (const limit of [0, -1, 1.5, NaN, 100_000])
        expect(await errorOf(suite.store.runningTasks('acme', limit))).to.be.instanceOf(RangeError);
      for (const after of ['', 'x', '1 2', '-1'])
        expect(await errorOf(suite.store.runningTasks('acme', 10, after))).to.be.instanceOf(RangeError);
    });
  });

  describe('warnings', () => {
    it('name a concern and what to do', async () => {
      for (const { concern, text } of await suite.store.warnings()) {
        expect(['evicts', 'volatile']).to.include(concern);
        expect(text).to.match(/\bset\b/i);
      }
    });
  });
}
