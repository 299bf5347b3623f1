import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { join } from 'node:path';

export const heading = 'Back up and restore';

export async function rehearse(at: Rehearsal): Promise<void> {
  at.env['BACKUP'] = join(at.folder, 'backup');
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  for (const session of ['ada', 'bob']) await site.say(session, 'one');
  await at.command('BACKUP=');
  await site.redisNow((client) => client.flushall());
  await site.say('ada', 'after it was lost');

  await at.command('systemctl stop redis-server');
  assert.match(await at.command('redis-cli DBSIZE'), /^[1-9]\d*$/m);
  await at.until('ready', /"status":"ready".*"records":0,/);
  await at.command("events 'store_went_back|session_gone'");
  await machine.kill9();
  await machine.start();
  await site.remembers('ada', ['one']);
  await site.remembers('bob', ['one']);
  await site.redis.restart();
  await at.isOver(machine);
  await site.remembers('bob', ['one', 'recall']);
}
