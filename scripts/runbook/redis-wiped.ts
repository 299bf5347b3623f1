import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Redis came back empty';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  await site.say('ada', 'one');
  await site.say('bob', 'one');
  await site.redisNow((client) => client.flushall());
  await site.say('ada', 'two');
  const { why } = await at.event(machine, 'session_gone');
  assert.equal(why, 'lost');
  at.says('`why: lost`');
  await at.command('redis-cli DBSIZE');
  assert.match(await at.command('events session_gone'), /"sessionId":"ada"/);
  assert.match(await at.command('redis-cli INFO server'), /uptime_in_seconds:\d+/);
  assert.match(await at.command('redis-cli CONFIG GET appendonly'), /^yes$/m);
  assert.match(await at.command('ls "$('), /appendonlydir/);
  await at.command('systemctl restart holdfast');
  assert.match(await at.command('redis-cli EXISTS'), /^1$/m);
  await at.until('ready', /"status":"ready".*"records":0,/);
  await site.remembers('ada', ['two']);
  await site.say('bob', 'three');
  await site.remembers('bob', ['three']);
}
