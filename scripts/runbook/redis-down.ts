import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Redis is away';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  await site.say('ada', 'one');
  await site.redis.kill();

  const during = await site.say('ada', 'two');
  assert.equal(during.persistence, 'deferred');
  at.says('A2A-Persistence: deferred');
  await at.event(machine, 'store_unavailable');
  await at.reason(machine, 'store_away');
  await at.reason(machine, 'records_pending');
  await at.metric(machine, 'holdfast_breaker_open', (open) => open === 1);
  await at.metric(machine, 'holdfast_pending_records', (records) => records > 0);
  assert.match(await at.command('events store_unavailable'), /"event":"store_unavailable"/);
  await at.until('ready', /"status":"degraded"/);
  await at.failing('redis-cli PING');

  await at.command('systemctl start redis-server');
  assert.match(await at.command('redis-cli PING'), /PONG/);
  await at.event(machine, 'store_recovered');
  await at.until('ready', /"status":"ready".*"pending":\{"records":0,/);
  assert.equal(await at.command("events 'record_refused"), '');
  await machine.kill9();
  await machine.start();
  await site.remembers('ada', ['one', 'two']);
}
