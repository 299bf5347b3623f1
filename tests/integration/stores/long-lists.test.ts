/** What a page costs redis in a tenant with 100,000 tasks. */
import { expect } from 'chai';
import { joinTaskId } from '../../../server/sessions/session-ref.ts';
import type { TaskQuery } from '../../../server/sessions/session-store.ts';
import type { RedisSessionStore } from '../../../server/stores/redis/redis-store.ts';
import { Writer, refOf, taskOf } from '../../contract/harness.ts';
import { useRedisStores } from '../../contract/redis-harness.ts';
import { commandsDuring, costOf } from '../../helpers/redis-traffic.ts';
import { useRedis } from '../../helpers/redis.ts';

const SESSIONS = 200;
const TASKS_EACH = 500;
const PAGE = 50;
const DONE = 'TASK_STATE_COMPLETED';
const WORKING = 'TASK_STATE_WORKING';
/** The half of all tasks has one and the same status time. */
const CROWDED = 50_000;
const statusAt = (i: number): number => (i < CROWDED ? 1_000 : 1_000 + i);

describe('a page of a very long list', function () {
  this.timeout(60_000);
  const redis = useRedis();
  const openStore = useRedisStores(redis);
  let store: RedisSessionStore;

  const open = async (): Promise<RedisSessionStore> => await openStore({ prefix: 'long' });
  beforeEach(async () => {
    store = await open();
  });
  before(async () => {
    const writing = await open();
    for (let s = 0; s < SESSIONS; s += 1) {
      const tasks = Array.from({ length: TASKS_EACH }, (_, i) => {
        const n = s * TASKS_EACH + i;
        return taskOf(`t${n}`, n % 2 === 0 ? DONE : WORKING, null, { statusAt: statusAt(n) });
      });
      await new Writer(writing, refOf(`s${s}`)).create(['1'], { tasks });
    }
  });

  it('costs what the page costs, wherever it is', async () => {
    const page = (query: Partial<TaskQuery>) => store.listTasks('acme', { limit: PAGE, ...query });
    const positions = [60_000, 99_999, 25_000, 3].map((n) => ({
      statusAt: statusAt(n),
      taskId: joinTaskId(`s${Math.floor(n / TASKS_EACH)}`, `t${n}`),
    }));
    const queries: Partial<TaskQuery>[] = [
      {},
      { state: DONE },
      { since: 1_001 },
      { since: 1_000 + 70_000, state: WORKING },
      ...positions.map((after) => ({ after })),
      ...positions.map((after) => ({ after, state: DONE, since: 500 }) as const),
    ];
    for (const query of queries) {
      const what = JSON.stringify(query);
      expect(await commandsDuring(redis.client, () => page(query).then(() => undefined)), what).to.deep.equal(
        ['retire', 'list'],
      );
      const { commands } = await costOf(redis.client, async () => {
        const { tasks } = await page(query);
        expect(tasks.length, what).to.be.above(0);
      });
      // a look per task of the page, one per halving of the crowd, and what retiring takes
      expect(commands, what).to.be.below(PAGE + 17 + 25);
    }
    expect(await page({})).to.include({ totalSize: SESSIONS * TASKS_EACH, more: true });
    expect(await page({ state: WORKING, since: 1_001 })).to.include({ totalSize: CROWDED / 2 });
  });

  it('of one session asks for its tasks only, and in few words', async () => {
    const list = async (): Promise<void> => {
      const page = await store.listTasks('acme', { limit: PAGE, sessionId: 's150', state: DONE });
      expect(page).to.include({ totalSize: TASKS_EACH / 2, more: true });
    };
    expect(await commandsDuring(redis.client, list)).to.deep.equal(['list_session']);
    expect((await costOf(redis.client, list)).commands).to.be.below(PAGE + 6);
  });
});
