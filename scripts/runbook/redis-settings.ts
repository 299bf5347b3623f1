import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Redis settings';

export async function rehearse(at: Rehearsal): Promise<void> {
  const redis = { appendonly: false, args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'] };
  const site = await Site.open(at, { redis });
  const { machine } = site;
  await at.event(machine, 'store_not_durable');
  await at.event(machine, 'store_may_evict');
  assert.match(await at.failing('holdfast doctor'), /appendonly is no/);
  assert.match(await at.command('redis-cli CONFIG GET appendonly'), /^no$/m);
  await at.command('redis-cli CONFIG GET appendfsync');
  assert.match(await at.command('redis-cli CONFIG GET maxmemory-policy'), /^allkeys-lru$/m);
  await at.command('redis-cli CONFIG SET appendonly');
  await at.command('redis-cli CONFIG SET maxmemory-policy');
  await machine.stop();
  await machine.start();
  await at.isOver(machine);
  assert.deepEqual([...machine.logs.of('store_not_durable'), ...machine.logs.of('store_may_evict')], []);
}
