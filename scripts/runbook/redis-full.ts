import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Redis is full';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: { args: ['--maxmemory-policy', 'noeviction'] } });
  const { machine } = site;
  await site.say('ada', 'one');
  await site.redisNow((client) => client.config('SET', 'maxmemory', '500kb'));

  const during = await site.say('ada', 'two');
  assert.equal(during.persistence, 'deferred');
  const { why } = await at.event(machine, 'store_unavailable');
  at.says('OOM command not allowed');
  assert.match(String(why), /OOM command not allowed/);
  await at.metric(machine, 'holdfast_pending_records', (records) => records > 0);
  assert.match(await at.command('events store_unavailable'), /OOM command not allowed/);
  assert.match(await at.command('redis-cli INFO memory'), /^maxmemory:512000\r?$/m);
  assert.match(await at.command('redis-cli INFO persistence'), /aof_last_write_status:ok/);
  await at.command('df -h');
  assert.match(await at.command('redis-cli CONFIG SET maxmemory'), /^OK$/m);

  await at.until('ready', /"status":"ready".*"records":0,/);
  assert.match(await at.command('redis-cli --memkeys'), /Biggest +hash found '"a2a:1:/);
  await machine.kill9();
  await machine.start();
  await site.remembers('ada', ['one', 'two']);
}
