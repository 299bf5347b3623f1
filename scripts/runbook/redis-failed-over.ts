import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { startRedisSentinels } from '../../tests/helpers/redis-sentinel.ts';

export const heading = 'Redis fails over';

export async function rehearse(at: Rehearsal): Promise<void> {
  const trio = await startRedisSentinels({ appendonly: true });
  at.onEnd(() => trio.stop());
  const site = await Site.open(at, {
    redis: trio.servers[0]!,
    settings: { REDIS_URL: '', REDIS_SENTINELS: trio.addresses, REDIS_SENTINEL_NAME: trio.name },
  });
  const { machine } = site;
  await site.say('ada', 'one');
  await trio.inSync();
  await site.redis.kill();
  const during = await site.say('ada', 'two');
  assert.equal(during.persistence, 'deferred');
  await at.event(machine, 'store_unavailable');
  await trio.promoted(site.redis);
  await at.event(machine, 'store_recovered');

  await at.command('first=');
  assert.match(await at.command('redis-cli ROLE'), /^master/);
  assert.match(await at.command('redis-cli INFO replication | grep -E'), /role:master/);
  assert.match(await at.command("events 'store_("), /store_recovered/);
  await at.until('ready', /"status":"ready".*"records":0,/);
  await at.command('systemctl start redis-server');
  await at.until("redis-cli INFO replication | grep '^connected", /connected_slaves:1/, 30_000);
  await machine.kill9();
  await machine.start();
  await site.remembers('ada', ['one', 'two']);
}
