import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { eventually } from '../../tests/helpers/eventually.ts';

export const heading = 'Redis evicts';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, {
    redis: { args: ['--maxmemory-policy', 'allkeys-random', '--maxmemory', '100mb'] },
  });
  const { machine } = site;
  await at.event(machine, 'store_may_evict');
  await at.reason(machine, 'sessions vanish when memory is full');
  const sessions = Array.from({ length: 20 }, (_, n) => `s${n}`);
  for (const session of sessions) await site.say(session, 'one');
  await site.redisNow((client) => client.config('SET', 'maxmemory', '1mb'));
  await eventually(async () => {
    await Promise.all(sessions.map((session) => site.say(session, `big ${50_000 + Math.random() * 100}`)));
    return machine.logs.of('session_gone').length > 0;
  }, 20_000);
  const { why } = await at.event(machine, 'session_gone');
  assert.equal(why, 'lost');
  at.says('`why: lost`');
  assert.match(await at.command('redis-cli INFO stats'), /^evicted_keys:[1-9]/m);
  assert.match(await at.command('events session_gone'), /"why":"lost"/);

  assert.match(await at.command('redis-cli CONFIG SET maxmemory-policy'), /^OK$/m);
  assert.match(await at.command('redis-cli CONFIG SET maxmemory 4gb'), /^OK$/m);
  await at.isOver(machine);
  await at.command('systemctl restart holdfast');
  assert.doesNotMatch(await at.until('ready', /"status":"ready"/), /sessions vanish/);
  await at.command('holdfast store repair');
  await site.say('after', 'one');
  await site.remembers('after', ['one']);
}
