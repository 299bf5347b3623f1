import { expect } from 'chai';
import { createServer, type HoldfastServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { eventually } from '../helpers/eventually.ts';
import { isCompleted, sendOnce } from '../helpers/load.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { ask } from '../helpers/outage.ts';
import { type RedisFixture, useRedis } from '../helpers/redis.ts';
import { call, V1 } from '../helpers/rpc.ts';
import { ServerProcess } from '../helpers/server.ts';
import { readSession, type StoredSession } from '../helpers/stored-sessions.ts';

const SECOND = 1_000;

/** One session, the servers that have it, and a shelf in redis that nobody else uses. */
class Life {
  readonly #redis: RedisFixture;
  readonly #prefix: string;
  readonly #servers: HoldfastServer[] = [];
  readonly #processes: ServerProcess[] = [];

  constructor(redis: RedisFixture, prefix: string) {
    this.#redis = redis;
    this.#prefix = prefix;
  }

  #env(ttlSeconds: number): Record<string, string> {
    const REDIS_URL = `unix://${this.#redis.server.path}`;
    return { REDIS_URL, A2A_KEY_PREFIX: this.#prefix, A2A_SESSION_TTL_SECONDS: String(ttlSeconds) };
  }

  async serve(
    ttlSeconds: number,
    env: Record<string, string> = {},
  ): Promise<{ url: string; logs: LogLines }> {
    const logs = new LogLines();
    const config = parseConfig({ PORT: '0', A2A_DRAIN_SECONDS: '0', ...this.#env(ttlSeconds), ...env });
    const server = await createServer(config, { logDestination: logs });
    this.#servers.push(server);
    return { url: (await server.listen()).url, logs };
  }

  async serveToBeKilled(ttlSeconds: number): Promise<ServerProcess> {
    const server = ServerProcess.launch(this.#env(ttlSeconds), this.#redis.server.folder);
    this.#processes.push(server);
    await server.listening();
    return server;
  }

  async close(): Promise<void> {
    await Promise.all(this.#processes.map((server) => server.kill9()));
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  get #shelf(): string {
    return `${this.#prefix}:1:{default.00}:`;
  }

  pttl(): Promise<number> {
    return this.#redis.client.pttl(`${this.#shelf}s:known`);
  }

  stored(): Promise<StoredSession> {
    return readSession(this.#redis.client, 'known', this.#shelf);
  }

  /** How long the session still lives, by the index. */
  async indexed(): Promise<number> {
    const [seconds = 0, micros = 0] = (await this.#redis.client.time()).map(Number);
    const expiresAt = Number(await this.#redis.client.zscore(`${this.#shelf}sessions`, 'known'));
    return expiresAt - (seconds * SECOND + micros / 1_000);
  }

  /** Reads a task until it is gone: never found when redis has dropped it, never gone while redis has it. */
  async readUntilGone(url: string, taskId: string): Promise<void> {
    const wrong: string[] = [];
    await eventually(async () => {
      const before = await this.pttl();
      const answer = await get(url, taskId);
      const after = await this.pttl();
      const isRight = answer === 'found' ? before > 0 : answer === -32001 && after === -2;
      if (!isRight) wrong.push(`${answer} with ${before} ms left before and ${after} ms after`);
      return answer !== 'found';
    }, 10 * SECOND);
    expect(wrong).to.deep.equal([]);
  }
}

/** `found`, or the code of the error. */
async function get(url: string, taskId: string): Promise<string | number> {
  const { json } = await call(url, 'GetTask', { id: taskId }, V1);
  return json.error?.code ?? 'found';
}

/** What is so, and what shows it. */
const LIVES: Record<string, (life: Life) => Promise<void>> = {
  'is the configured one after every write, in the key and in the index': async (life) => {
    const { url } = await life.serve(60);
    for (const text of ['one', 'two']) {
      // the second write comes when some of its life is over
      await eventually(async () => (await life.pttl()) < 58.5 * SECOND);
      const sent = await sendOnce(url, 'v1', text, 'known');
      const left = await life.pttl();
      expect(left).to.be.within(59 * SECOND - (performance.now() - sent.endedAt), 60 * SECOND);
      expect(await life.indexed()).to.be.closeTo(left, SECOND);
    }
  },

  'ends in memory when it ends in redis, and begins anew after that (shared)': (life) =>
    endsEverywhere(life, 'shared'),

  'ends in memory when it ends in redis, and begins anew after that (exclusive)': (life) =>
    endsEverywhere(life, 'exclusive'),

  'ends for a send, too: the first message after it begins a new session': async (life) => {
    const server = await life.serve(1);
    const old = await sendOnce(server.url, 'v1', 'hello', 'known');
    const { e: oldEpoch } = (await life.stored()).hash;
    await eventually(async () => (await life.pttl()) === -2);
    const anew = await sendOnce(server.url, 'v1', 'anew', 'known');
    expect([isCompleted(anew), anew.persistence]).to.deep.equal([true, 'stored']);
    const { hash, records } = await life.stored();
    expect(hash['e']).to.not.equal(oldEpoch);
    expect(records[0]?.t).to.equal('created');
    expect(records.filter((body) => body?.t === 'task')).to.have.length(1);
    expect(await get(server.url, old.taskId)).to.equal(-32001);
    // expired is not lost
    expect(server.logs.of('session_gone').filter(({ why }) => why !== 'expired')).to.deep.equal([]);
  },

  'is not renewed when a session is loaded again near its end': async (life) => {
    const before = await life.serveToBeKilled(3);
    const { taskId } = await sendOnce(before.url, 'v1', 'hello', 'known');
    await before.kill9();
    const { url } = await life.serve(3, { A2A_CACHE_COHERENCE: 'exclusive' });
    await eventually(async () => (await life.pttl()) < 1_500);
    expect(await get(url, taskId)).to.equal('found');
    expect(await life.pttl()).to.be.within(1, 1_500);
    await life.readUntilGone(url, taskId);
  },

  'is renewed by reading when it is to be': async (life) => {
    const { url } = await life.serve(2, { A2A_SESSION_TTL_REFRESH: 'access' });
    const { taskId } = await sendOnce(url, 'v1', 'hello', 'known');
    const began = performance.now();
    // longer than its life, reading when half of it is over
    while (performance.now() - began < 2_500) {
      await eventually(async () => (await life.pttl()) < SECOND);
      expect(await get(url, taskId)).to.equal('found');
      expect(await life.pttl()).to.be.above(1_500);
    }
  },

  'is renewed by nothing when it is fixed': async (life) => {
    const { url } = await life.serve(3, { A2A_SESSION_TTL_REFRESH: 'fixed' });
    const { taskId } = await sendOnce(url, 'v1', 'hello', 'known');
    let last = await life.pttl();
    for (let n = 0; n < 3; n += 1) {
      await eventually(async () => (await life.pttl()) < last - 300);
      const before = await life.pttl();
      const sent = await sendOnce(url, 'v1', `more ${n}`, 'known');
      expect(sent.persistence).to.equal('stored');
      expect(await get(url, taskId)).to.equal('found');
      last = await life.pttl();
      expect(last).to.be.within(1, before);
    }
    await life.readUntilGone(url, taskId);
  },

  'is held by a task that runs, however silent its agent is': async (life) => {
    const { url } = await life.serve(2);
    const sent = await sendOnce(url, 'v1', 'slow 2 3000', 'known');
    expect(isCompleted(sent), sent.reply.text).to.equal(true);
    expect(sent.endedAt - sent.beganAt).to.be.above(2_900);
    expect(await get(url, sent.taskId)).to.equal('found');
  },

  'ends a running task with the reason before it ends itself, when it is fixed': async (life) => {
    const { url } = await life.serve(3, { A2A_SESSION_TTL_REFRESH: 'fixed' });
    const sent = await sendOnce(url, 'v1', 'slow 100 200', 'known');
    expect(sent.state).to.equal('TASK_STATE_FAILED');
    expect(sent.reply.text).to.contain('end of its life');
    expect(await get(url, sent.taskId)).to.equal('found');
    expect(await life.pttl()).to.be.above(0);
  },
};

async function endsEverywhere(life: Life, coherence: 'shared' | 'exclusive'): Promise<void> {
  const { url } = await life.serve(2, { A2A_CACHE_COHERENCE: coherence });
  const { taskId } = await sendOnce(url, 'v1', 'hello', 'known');
  await life.readUntilGone(url, taskId);
  expect(await ask(url, 'count', 'known')).to.equal('1');
  expect(await life.pttl()).to.be.above(SECOND);
}

describe('the life of a session in redis', function () {
  this.timeout(30_000);
  const redis = useRedis();
  const lives = new Map<string, { life: Life; lived: Promise<void> }>();

  // Lives take their time whatever the machine: they are all lived at once.
  before(() => {
    for (const [n, [what, show]] of Object.entries(LIVES).entries()) {
      const life = new Life(redis, `life${n}`);
      const lived = show(life);
      // told by its own test
      lived.catch(() => undefined);
      lives.set(what, { life, lived });
    }
  });
  after(async () => {
    await Promise.all([...lives.values()].map(({ life }) => life.close()));
  });

  for (const what of Object.keys(LIVES)) it(what, () => lives.get(what)?.lived);
});
