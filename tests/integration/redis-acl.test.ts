/** The Redis user of the runbook: its rights are enough for the server, and none of them is one too many. */
import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedisClient } from '../../server/stores/redis/client.ts';
import * as commitScripts from '../../server/stores/redis/commit-scripts.ts';
import * as erasureScripts from '../../server/stores/redis/erasure-scripts.ts';
import * as otherScripts from '../../server/stores/redis/scripts.ts';
import { redisHarness, REDIS_OPTIONS } from '../contract/redis-harness.ts';
import { describeSessionStore } from '../contract/session-store.contract.ts';
import { eventually } from '../helpers/eventually.ts';
import { useRedis, type RedisFixture } from '../helpers/redis.ts';
import { call, sendV01, sendV1, V1 } from '../helpers/rpc.ts';
import { useServerProcesses } from '../helpers/server.ts';

const USER = { username: 'holdfast', password: 'change-me' };
/** What the client sends beside the scripts: its own beginning and end, and the few commands that need no script. */
const OUTSIDE_SCRIPTS = [
  'eval',
  'evalsha',
  'hget',
  'hgetall',
  'hsetnx',
  'info',
  'publish',
  'quit',
  'select',
  'type',
  'zcount',
];
/** In the script of the library that counts rates. */
const RATES = ['set', 'incrby', 'expire'];
/** On the connection that only listens. */
const HINTS = ['ping', 'subscribe', 'unsubscribe'];

/** The words behind `user` in the one line of the runbook that an ACL file takes. */
async function readAcl(): Promise<string[]> {
  const runbook = await readFile('docs/persistence-runbook.md', 'utf8');
  const lines = runbook.split('\n').filter((line) => line.startsWith('user '));
  expect(lines).to.have.length(1);
  return lines[0]!.split(' ').slice(1);
}

function setUser(client: Redis, words: readonly string[]): Promise<unknown> {
  return client.call('ACL', 'SETUSER', ...words);
}

/** What was denied since the server started. A client library that tells its name is nobody's need. */
async function denied(client: Redis): Promise<string[]> {
  const log = (await client.call('ACL', 'LOG', '100')) as unknown[][];
  const entries = log.map((entry) => entry.map(String));
  return entries
    .map((entry) => `${entry[3] ?? ''} ${entry[7] ?? ''}`)
    .filter((what) => !/setinfo/i.test(what));
}

function commandsInScripts(): string[] {
  const lua = [commitScripts, otherScripts, erasureScripts]
    .flatMap((scripts) => Object.values<unknown>(scripts))
    .join('\n');
  return [...lua.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map(([, name = '']) => name.toLowerCase());
}

function useUser(redis: RedisFixture): void {
  before(async () => {
    await setUser(redis.client, await readAcl());
  });
}

describe('the Redis user of the runbook', () => {
  const redis = useRedis();
  useUser(redis);

  it('has the right to every command that is sent, and to no other', async () => {
    const allowed = (await readAcl()).filter((word) => word.startsWith('+')).map((word) => word.slice(1));
    const sent = new Set([...OUTSIDE_SCRIPTS, ...HINTS, ...RATES, ...commandsInScripts()]);
    expect(allowed.sort()).to.deep.equal([...sent].sort());
  });

  it('cannot touch what is not Holdfast’s', async () => {
    const client = redis.server.client(USER);
    for (const attempt of [
      client.hget('other', 'x'),
      client.flushall(),
      client.keys('*'),
      client.config('GET', '*'),
      client.publish('other', 'x'),
      client.subscribe('other'),
    ]) {
      expect(await attempt.catch((error: unknown) => String(error))).to.match(/NOPERM/);
    }
    await redis.client.call('ACL', 'LOG', 'RESET');
  });

  describe('runs the server', () => {
    const processes = useServerProcesses();
    let folder = '';
    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'holdfast-acl-'));
    });
    afterEach(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    it('through send, get and cancel, a crash, a settled task and a clean stop', async () => {
      const tiers = join(folder, 'tiers.json');
      await writeFile(tiers, '{"default":{"requestsPerSecond":1000}}');
      const env = {
        A2A_TIERS_FILE: tiers,
        REDIS_URL: `unix://${redis.server.path}?db=3`,
        REDIS_USERNAME: USER.username,
        REDIS_PASSWORD: USER.password,
        A2A_DEAD_SECONDS: '1',
      };
      const first = await processes.start(env, folder);
      const sent = await call(first.url, 'tasks/send', sendV01('t1', 'my name is Ada', 'ada'));
      expect(sent.headers.get('a2a-persistence')).to.equal('stored');
      const slow = { ...sendV1('m1', 'slow 2 60000', 'ada'), configuration: { returnImmediately: true } };
      const running = await call(first.url, 'SendMessage', slow, V1);
      const { id } = (running.json.result as { task: { id: string } }).task;
      await first.kill9();

      const second = await processes.start(env, folder);
      expect((await call(second.url, 'tasks/get', { id: 't1' })).json.result).to.include({ id: 't1' });
      const recalled = await call(second.url, 'tasks/send', sendV01('t2', 'recall', 'ada'));
      expect(recalled.text).to.contain('my name is Ada');
      expect(recalled.headers.get('a2a-persistence')).to.equal('stored');
      // its runner is dead, as soon as that is certain
      await eventually(async () =>
        (await call(second.url, 'GetTask', { id }, V1)).text.includes('TASK_STATE_FAILED'),
      );
      const asked = await call(second.url, 'SendMessage', sendV1('m2', 'input', 'ada'), V1);
      const waiting = (asked.json.result as { task: { id: string } }).task;
      const canceled = await call(second.url, 'CancelTask', { id: waiting.id }, V1);
      expect(canceled.text).to.contain('TASK_STATE_CANCELED');
      expect(await second.stop()).to.equal(0);
      expect(await denied(redis.client)).to.deep.equal([]);
    });

    it('into an outage, and no further, when one of them is missing', async () => {
      await setUser(redis.client, [USER.username, '-evalsha', '-eval']);
      const server = await processes.start(
        {
          REDIS_URL: `unix://${redis.server.path}`,
          REDIS_USERNAME: USER.username,
          REDIS_PASSWORD: USER.password,
        },
        folder,
      );
      const sent = await call(server.url, 'message/send', {
        message: { kind: 'message', messageId: 'm', role: 'user', parts: [{ kind: 'text', text: 'hi' }] },
      });
      expect(sent.headers.get('a2a-persistence')).to.equal('deferred');
      expect(await denied(redis.client)).to.include('command evalsha');
    });
  });
});

describe('the store, as the Redis user of the runbook', () => {
  const redis = useRedis();
  useUser(redis);

  describeSessionStore('redis, with no more rights than it needs', {
    open: async () => {
      await redis.client.flushall();
      const address = { ...redis.server.address, ...USER };
      const client = createRedisClient(address, () => undefined);
      await client.connect();
      return redisHarness(client, redis.client, REDIS_OPTIONS);
    },
  });

  afterEach(async () => {
    expect(await denied(redis.client)).to.deep.equal([]);
  });
});
