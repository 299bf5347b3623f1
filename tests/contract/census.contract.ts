import { expect } from 'chai';
import type { TaskState } from '../../protocol/task-state.ts';
import { HOUR, KEEP, refOf, taskOf, Writer } from './harness.ts';
import type { Suite } from './harness.ts';

const WORKING = 'TASK_STATE_WORKING';
const DONE = 'TASK_STATE_COMPLETED';

export function describeCensus(suite: Suite): void {
  /** Tasks by state, those that there are. */
  const tasks = async (tenant = 'acme'): Promise<Partial<Record<TaskState, number>>> => {
    const census = await suite.store.census(tenant);
    return Object.fromEntries([...census.tasks].filter(([, count]) => count > 0));
  };
  const put = (session: string, tenant: string, ...locals: string[]): Promise<Writer> =>
    new Writer(suite.store, refOf(session, tenant)).create(['1'], {
      tasks: locals.map((local) => taskOf(local, WORKING, null)),
    });

  describe('a census', () => {
    it('is empty where there is nothing', async () => {
      expect(await tasks()).to.deep.equal({});
      const { sessions = 0, outbox = 0 } = await suite.store.census('acme');
      expect([sessions, outbox]).to.deep.equal([0, 0]);
    });

    it('counts the tasks of a tenant by the state they are in now', async () => {
      const writer = await put('s1', 'acme', 'a', 'b');
      await put('s2', 'acme', 'c');
      await put('s3', 'globex', 'd');
      expect(await tasks()).to.deep.equal({ [WORKING]: 3 });
      await writer.append(['2'], { tasks: [taskOf('a', DONE, WORKING)], expiry: KEEP });
      expect(await tasks()).to.deep.equal({ [WORKING]: 2, [DONE]: 1 });
      expect(await tasks('globex')).to.deep.equal({ [WORKING]: 1 });
      await suite.store.remove(refOf('s1'), HOUR);
      expect(await tasks()).to.deep.equal({ [WORKING]: 1 });
    });

    it('counts sessions and those with something due, or says nothing of them', async () => {
      const writer = await put('s1', 'acme', 'a');
      await put('s2', 'acme', 'b');
      await writer.append(['2'], { outboxInMs: HOUR, expiry: KEEP });
      const { sessions, outbox } = await suite.store.census('acme');
      if (suite.store.kind === 'redis') expect([sessions, outbox]).to.deep.equal([2, 1]);
      else expect([sessions, outbox]).to.deep.equal([undefined, undefined]);
    });
  });
}
