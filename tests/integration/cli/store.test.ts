/** `holdfast store` on a Redis in which somebody has done harm, and on LMDB. */
import { expect } from 'chai';
import { open } from 'lmdb';
import { join } from 'node:path';
import { DATABASE_FILE } from '../../../server/stores/lmdb/lmdb-store.ts';
import { type CliRun, jsonOf, runCli } from '../../helpers/cli.ts';
import { useFiles, useFolder } from '../../helpers/files.ts';
import { useRedis } from '../../helpers/redis.ts';
import { readAll } from '../../helpers/sessions.ts';
import { encryptionKeysFile } from '../../helpers/sealing.ts';
import { DEFAULT, lmdbEnv, redisEnv, seedDue, seedMany, seedRich, withLmdb, withRedis } from './seeds.ts';

const ID = '%C3%A9%2Frich';

interface Line {
  readonly kind: string;
  readonly task?: string;
  readonly mendable: boolean;
  readonly done?: string;
}

const problemsIn = ({ out }: CliRun): Line[] =>
  out
    .trim()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

describe('holdfast store', () => {
  const redis = useRedis();
  const folder = useFolder();
  const files = useFiles();
  const shelf = (): string => `${redis.prefix}:1:{default.00}:`;
  const key = (): string => `${shelf()}s:${ID}`;
  const check = (...args: string[]): Promise<CliRun> => runCli(['store', 'check', ...args], redisEnv(redis));
  const kindsOf = async (...args: string[]): Promise<string[]> =>
    problemsIn(await check('--json', ...args)).map(({ kind }) => kind);

  it('finds nothing in what servers leave, and shows how far it has come on a terminal alone', async () => {
    await withRedis(redis, async (store) => {
      await seedRich(store);
      await seedMany(store, 50);
    });
    const piped = await check('--deep');
    expect(piped).to.deep.equal({ code: 0, out: '51 sessions, 0 problems, 0 left\n', err: '' });
    const shown = await runCli(['store', 'check'], redisEnv(redis), { columns: 80 });
    expect(shown.err)
      .to.match(/^\rsessions \[[#.]{30}\] \d+ % \d+\/51/)
      .and.satisfy((text: string) => text.endsWith('\r\u001b[K'));
  });

  const harms: readonly (readonly [string, string, () => Promise<unknown>, readonly string[]])[] = [
    [
      'an entry of a task without a session',
      'orphan',
      () => redis.client.zadd(`${shelf()}tasks`, 1, 'gone.x'),
      [],
    ],
    [
      'an entry in the index of ids',
      'orphan',
      () => redis.client.zadd(`${shelf()}tasks:ids`, 0, 'gone.x'),
      [],
    ],
    ['a webhook of no session', 'orphan', () => redis.client.zadd(`${shelf()}outbox`, 1, 'gone'), []],
    [
      'aliases of no session',
      'orphan',
      () => redis.client.hset(`${shelf()}aliases`, 'gone.x', 'ada/1', 'ada/1', 'gone.x'),
      [],
    ],
    [
      'a session that was evicted',
      'lost',
      () => redis.client.zadd(`${shelf()}sessions`, Date.now() + 1e6, 'gone'),
      [],
    ],
    [
      'a task in the index of another state',
      'stale',
      () => redis.client.zadd(`${shelf()}tasks:working`, 1, `${ID}.a`),
      [],
    ],
    ['a task that no list has', 'unindexed', () => redis.client.zrem(`${shelf()}tasks`, `${ID}.a`), []],
    [
      'a task that only the index of its state lacks',
      'unindexed',
      () => redis.client.zrem(`${shelf()}tasks:completed`, `${ID}.a`),
      [],
    ],
    ['a summary that is not there', 'unindexed', () => redis.client.hdel(key(), `t:${ID}.a`), []],
    [
      'a task that the journal does not have',
      'unindexed',
      async () => {
        await redis.client.zadd(`${shelf()}tasks:ids`, 0, `${ID}.x`);
        await redis.client.zadd(`${shelf()}tasks`, 1, `${ID}.x`);
        await redis.client.zadd(`${shelf()}tasks:working`, 1, `${ID}.x`);
        await redis.client.hset(key(), `t:${ID}.x`, '{"state":"TASK_STATE_WORKING","at":1,"by":"i.1"}');
      },
      [],
    ],
    [
      'an alias that leads to nothing',
      'unindexed',
      () => redis.client.hdel(`${shelf()}aliases`, `ada/client%20${ID}`),
      [],
    ],
    ['a session that would stay for ever', 'no-ttl', () => redis.client.persist(key()), []],
    [
      'an index that would stay for ever',
      'index-without-ttl',
      () => redis.client.persist(`${shelf()}tasks`),
      [],
    ],
    ['a session that no list has', 'unlisted', () => redis.client.zrem(`${shelf()}sessions`, ID), ['--deep']],
    [
      'a tenant that nobody looks after',
      'unknown-tenant',
      () => redis.client.del(`${redis.prefix}:1:{reg}:tenants`),
      ['--deep'],
    ],
  ];
  for (const [what, kind, harm, deep] of harms) {
    it(`finds ${what}, says what it would do, and mends it without a word of the journal changed`, async () => {
      await withRedis(redis, (store) => seedRich(store));
      const records = await withRedis(redis, (store) =>
        readAll(store, { tenant: DEFAULT, sessionId: 'é/rich' }),
      );
      await harm();
      const found = await check('--json', ...deep);
      expect(found.code).to.equal(4);
      expect(problemsIn(found).map((line) => [line.kind, line.mendable])).to.deep.include([kind, true]);
      const repair = (...args: string[]) =>
        runCli(['store', 'repair', '--json', ...deep, ...args], redisEnv(redis));
      const dry = await repair('--dry-run');
      expect(dry.code).to.equal(4);
      expect(problemsIn(dry).every(({ done }) => done?.startsWith('would ') === true)).to.equal(true);
      expect(await kindsOf(...deep), 'a dry run has changed something').to.include(kind);
      const mended = await repair();
      expect(problemsIn(mended).map(({ done }) => done)).to.include('mended');
      expect(await kindsOf('--deep'), mended.out).to.deep.equal([]);
      expect(
        await withRedis(redis, (store) => readAll(store, { tenant: DEFAULT, sessionId: 'é/rich' })),
      ).to.deep.equal(records);
      expect(await redis.client.pttl(key())).to.be.above(0);
    });
  }

  it('fills every index again in one run after all of them were lost, the outbox too', async () => {
    await withRedis(redis, async (store) => {
      await seedRich(store);
      await seedDue(store);
    });
    const indexes = (await redis.client.keys(`${shelf()}*`)).filter((name) => !name.includes(':s:')).sort();
    expect(indexes).to.include.members(
      ['sessions', 'tasks', 'aliases', 'outbox'].map((name) => shelf() + name),
    );
    const held = () =>
      Promise.all(
        indexes.map(async (name) => {
          const isHash = name.endsWith(':aliases');
          return (await (isHash ? redis.client.hkeys(name) : redis.client.zrange(name, 0, -1))).sort();
        }),
      );
    const before = await held();
    await redis.client.del(...indexes, `${redis.prefix}:1:{reg}:tenants`);
    const found = await check('--deep', '--json');
    expect([found.code, found.out.trim().split('\n').at(-1)]).to.satisfy(
      ([code, end]: [number, string]) => code === 4 && end.includes('"sessions":2,'),
    );
    const repaired = await runCli(['store', 'repair', '--deep', '--json'], redisEnv(redis));
    expect([repaired.code, problemsIn(repaired).every(({ done }) => done === 'mended')]).to.deep.equal([
      0,
      true,
    ]);
    expect(await check('--deep')).to.deep.equal({
      code: 0,
      out: '2 sessions, 0 problems, 0 left\n',
      err: '',
    });
    expect(await held()).to.deep.equal(before);
    const due = await withRedis(redis, (store) => store.claimDue(DEFAULT, 10, 1_000));
    expect(due, 'nobody would tell the webhook').to.deep.equal(['due']);
  });

  it('tells of records and sessions that cannot be read, and leaves them as they are', async () => {
    await withRedis(redis, async (store) => {
      await seedRich(store);
      await seedRich(store, 'two');
    });
    await redis.client.hset(key(), '5', 'no json', '6', '{"t":"tomorrow","at":1}');
    await redis.client.hdel(key(), '7');
    await redis.client.hdel(`${shelf()}s:two`, 'e');
    expect((await kindsOf()).sort()).to.deep.equal([
      'damaged-record',
      'damaged-session',
      'lost-record',
      'unknown-record',
    ]);
    const mended = await runCli(['store', 'repair', '--json'], redisEnv(redis));
    expect([mended.code, problemsIn(mended).map(({ done }) => done)]).to.deep.equal([
      4,
      Array(4).fill('not mended'),
    ]);
    expect(await redis.client.hget(key(), '5')).to.equal('no json');
  });

  it('counts sessions, bytes and tasks of each tenant', async () => {
    await withRedis(redis, async (store) => {
      await seedRich(store);
      await seedRich(store, 'other', 'acme');
      await seedMany(store, 5);
    });
    const { tenants } = jsonOf(await runCli(['store', 'stats', '--json'], redisEnv(redis))) as {
      tenants: { tenant: string; sessions: number; records: number; tasks: object }[];
    };
    expect(
      tenants.map(({ tenant, sessions, records, tasks }) => ({ tenant, sessions, records, tasks })),
    ).to.deep.equal([
      { tenant: 'acme', sessions: 1, records: 12, tasks: { completed: 1, submitted: 1 } },
      { tenant: 'default', sessions: 6, records: 27, tasks: { completed: 1, submitted: 6 } },
    ]);
  });

  it('opens what is encrypted, moves it, and says of what does not open that it does not', async () => {
    const keys = files.write('keys.json', encryptionKeysFile('k1'));
    await withLmdb(join(folder.path, 'data'), (store) => seedRich(store));
    const plain = await runCli(['sessions', 'export'], lmdbEnv(join(folder.path, 'data')));
    const sealed = { ...redisEnv(redis), A2A_ENCRYPTION_KEYS_FILE: keys };
    expect((await runCli(['sessions', 'import'], sealed, { input: plain.out })).code).to.equal(0);
    expect(JSON.stringify(await redis.client.hgetall(key()))).to.not.include('4711');
    const recordsIn = (text: string) =>
      (JSON.parse(text.split('\n')[1] ?? '') as { records: unknown }).records;
    const exported = await runCli(['sessions', 'export'], sealed);
    expect(recordsIn(exported.out)).to.deep.equal(recordsIn(plain.out));
    expect((await runCli(['store', 'check'], sealed)).code).to.equal(0);
    const blind = await runCli(['sessions', 'export'], redisEnv(redis));
    expect([blind.code, blind.out.trim().split('\n').length]).to.deep.equal([4, 2]);
    expect(blind.err).to.include('left out: é/rich of default: 12 records do not open');
    expect(await kindsOf()).to.deep.equal(['unopened-record']);
  });

  it('finds and mends in LMDB what is left of a session that is gone', async () => {
    const data = join(folder.path, 'data');
    await withLmdb(data, (store) => seedRich(store));
    const db = open<string, (string | number)[]>({ path: join(data, DATABASE_FILE), encoding: 'string' });
    await db.remove(['s', DEFAULT, ID]);
    await db.close();
    const found = await runCli(['store', 'check', '--json'], lmdbEnv(data));
    expect([found.code, problemsIn(found).map(({ kind }) => kind)]).to.deep.equal([
      4,
      Array(3).fill('orphan'),
    ]);
    expect((await runCli(['store', 'repair'], lmdbEnv(data))).code).to.equal(0);
    const after = await runCli(['store', 'check', '--deep'], lmdbEnv(data));
    expect([after.code, after.out]).to.deep.equal([0, '0 sessions, 0 problems, 0 left\n']);
  });
});
