import assert from 'node:assert/strict';
import { Redis } from 'ioredis';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { eventually } from '../../tests/helpers/eventually.ts';

export const heading = 'Redis is slow';

/** Longer than a commit is waited for; what comes in between is too short to be served. */
const REPORT =
  'local t = redis.call("TIME") local e = t[1] * 1e6 + t[2] + 600000 repeat t = redis.call("TIME") until t[1] * 1e6 + t[2] > e';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  await site.say('ada', 'one');
  const report = new Redis({ port: site.redis.port, host: '127.0.0.1', retryStrategy: () => null });
  at.onEnd(() => {
    report.disconnect();
  });
  const reporting = (async () => {
    for (;;) await report.eval(REPORT, 0);
  })().catch(() => undefined);

  const sent = ['one'];
  await eventually(async () => {
    sent.push(`slow ${sent.length}.`);
    await site.say('ada', sent.at(-1) ?? '');
    return machine.logs.of('store_unavailable').length > 0;
  }, 20_000);
  await at.event(machine, 'store_unavailable');
  await at.metric(machine, 'holdfast_commits_total{outcome="unavailable"}', (count) => count > 0);
  assert.match(await at.command('redis-cli SLOWLOG GET'), /EVAL/i);
  assert.match(await at.command('redis-cli INFO commandstats'), /cmdstat_eval:/);
  await at.command('slow=$(');
  await reporting;

  await at.event(machine, 'store_recovered');
  await at.until('ready', /"status":"ready".*"records":0,/);
  await machine.kill9();
  await machine.start();
  await site.remembers('ada', sent);
}
