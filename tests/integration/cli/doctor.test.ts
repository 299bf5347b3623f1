/** `holdfast doctor` and `config check`: what is wrong is named, with what to change. */
import { expect } from 'chai';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Finding } from '../../../server/stores/finding.ts';
import type { Env } from '../../helpers/config.ts';
import { jsonOf, runCli } from '../../helpers/cli.ts';
import { useFolder } from '../../helpers/files.ts';
import { useRedis } from '../../helpers/redis.ts';
import { lmdbEnv, redisEnv, seedRich, withLmdb } from './seeds.ts';

async function examined(env: Env, now?: () => number) {
  const run = await runCli(['doctor', '--json'], env, now && { now });
  const { findings } = jsonOf(run) as { findings: Finding[] };
  return { code: run.code, bad: findings.filter(({ level }) => level !== 'ok'), findings };
}
const checksOf = (findings: readonly Finding[]): string[] => findings.map(({ check }) => check);

describe('holdfast doctor', () => {
  const redis = useRedis({ appendonly: true });
  const folder = useFolder();

  it('finds nothing in a Redis that is set up well, and leaves nothing there', async () => {
    const { code, bad, findings } = await examined(redisEnv(redis));
    expect([code, bad]).to.deep.equal([0, []]);
    expect(checksOf(findings)).to.include.members(['rights', 'clocks', 'latency', 'persistence']);
    const left = await redis.client.keys(`${redis.prefix}*`);
    for (const key of left) expect(await redis.client.pttl(key), key).to.be.within(0, 5_000);
    const { out } = await runCli(['doctor'], redisEnv(redis));
    expect(out)
      .to.match(/^ok {4}version of Holdfast: /)
      .and.not.include('FAIL');
  });

  it('warns of evictions, of a store that forgets, and of clocks that are apart', async () => {
    await redis.client.config('SET', 'maxmemory', '1gb');
    await redis.client.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await redis.client.config('SET', 'appendonly', 'no');
    await redis.client.config('SET', 'appendfsync', 'no');
    try {
      const { code, bad } = await examined(redisEnv(redis), () => Date.now() + 60_000);
      expect(code).to.equal(4);
      expect(checksOf(bad)).to.deep.equal(['maxmemory-policy', 'persistence', 'appendfsync', 'clocks']);
      expect(bad.map(({ change }) => change).join()).to.include('Set maxmemory-policy to noeviction.');
      expect(bad[3]?.found).to.match(/^Redis is (59|60)\d{3} ms behind/);
    } finally {
      await redis.client.config('SET', 'maxmemory', '0');
      await redis.client.config('SET', 'maxmemory-policy', 'noeviction');
      await redis.client.config('SET', 'appendonly', 'yes');
      await redis.client.config('SET', 'appendfsync', 'everysec');
    }
  });

  it('does not blame the rights of the user for a memory that is full or for a replica', async () => {
    const changes = async () =>
      (await examined(redisEnv(redis))).bad.find(({ check }) => check === 'rights')?.change;
    await redis.client.config('SET', 'maxmemory', '1');
    expect(await changes()).to.include('Redis is full');
    await redis.client.config('SET', 'maxmemory', '0');
    await redis.client.replicaof('127.0.0.1', 1);
    expect(await changes()).to.include('name the master');
    await redis.client.replicaof('NO', 'ONE');
  });

  it('names the right that is missing, and tells of hints that do not come', async () => {
    const rights = ['~*', '+@all', '-zadd', 'resetchannels', '-publish'];
    await redis.client.call('ACL', 'SETUSER', 'poor', 'on', '>pw', ...rights);
    const env = { ...redisEnv(redis), REDIS_USERNAME: 'poor', REDIS_PASSWORD: 'pw' };
    const { code, bad } = await examined(env);
    expect([code, checksOf(bad)]).to.deep.equal([4, ['rights', 'hints between instances']]);
    expect(bad[0]?.found).to.match(/permission|ACL|can't run/i);
  });

  it('says why a store cannot be reached, or was set up otherwise, with exit code 3', async () => {
    const wrong = { ...redisEnv(redis), REDIS_USERNAME: 'nobody', REDIS_PASSWORD: 'hunter2' };
    const away = await examined(wrong);
    expect([away.code, checksOf(away.bad)]).to.deep.equal([3, ['store']]);
    expect(away.bad[0]?.found).to.include('WRONGPASS').and.not.include('hunter2');
    const astray = await examined({ ...redisEnv(redis), REDIS_URL: `unix://${redis.server.path}?db=99` });
    expect([astray.code, astray.bad[0]?.found]).to.deep.equal([
      3,
      `the redis at unix://${redis.server.path}?db=99 cannot be reached: ERR DB index is out of range`,
    ]);
    await redis.client.hset(`${redis.prefix}:1:{reg}:settings`, 'buckets', '4', 'scope', 'tenant');
    const other = await examined(redisEnv(redis));
    expect([other.code, other.bad[0]?.found]).to.deep.equal([
      3,
      `A2A_TENANT_BUCKETS is 1, but unix://${redis.server.path}?db=0 was set up with 4`,
    ]);
  });

  it('looks at a data folder, and warns of the memory store', async () => {
    const data = join(folder.path, 'data');
    expect((await examined(lmdbEnv(data))).code).to.equal(3);
    mkdirSync(data);
    await withLmdb(data, (store) => seedRich(store));
    const { code, findings } = await examined(lmdbEnv(data));
    expect(code).to.equal(0);
    expect(checksOf(findings)).to.include.members(['database', 'data folder', 'disk']);
    expect(checksOf((await examined({ A2A_STORE: 'memory' })).bad)).to.deep.equal(['store']);
  });
});

describe('holdfast config check', () => {
  it('names every problem at once, with exit code 2', async () => {
    const env = { PORT: '99999', A2A_STROE: 'redis', A2A_SESSION_TTL_SECONDS: '0' };
    const run = await runCli(['config', 'check', '--json'], env);
    expect([run.code, jsonOf(run)]).to.deep.equal([
      2,
      {
        usable: false,
        problems: [
          'PORT: must be at most 65535, got 99999',
          'A2A_SESSION_TTL_SECONDS: must be at least 1, got 0',
          'A2A_STROE: does nothing in this version; did you mean A2A_STORE?',
        ],
      },
    ]);
    const { err, out } = await runCli(['config', 'check'], env);
    expect([out, err.split('\n').length]).to.deep.equal(['', 5]);
  });

  it('says what holds when all is well, without a secret', async () => {
    const env = { REDIS_URL: 'redis://ada:hunter2@db.example:6379/0', A2A_SESSION_TTL_SECONDS: '60' };
    const run = await runCli(['config', 'check', '--json'], env);
    expect(run.code).to.equal(0);
    expect(jsonOf(run)).to.include({ usable: true, store: 'redis', ttlSeconds: 60 });
    expect(run.out).to.not.include('hunter2');
  });
});
