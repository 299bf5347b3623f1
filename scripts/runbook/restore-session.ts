import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { call, sendV01, V1 } from '../../tests/helpers/rpc.ts';
import { SHELF } from '../../tests/helpers/stored-sessions.ts';

export const heading = 'Restore one session';

export async function rehearse(at: Rehearsal): Promise<void> {
  const backup = join(at.folder, 'backup');
  mkdirSync(backup);
  at.env['BACKUP'] = backup;
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  const { taskId } = await site.say('ada', 'one');
  await call(machine.url, 'tasks/send', sendV01('t1', 'two', 'ada'));
  await site.say('bob', 'one');
  await site.redisNow(async (client) => {
    await client.save();
    copyFileSync(join(site.redis.folder, 'dump.rdb'), join(backup, 'dump.rdb'));
    await client.del(`${SHELF}s:ada`, `${SHELF}tasks`, `${SHELF}tasks:ids`, `${SHELF}tasks:completed`);
    await client.hdel(`${SHELF}aliases`, 'anonymous/t1');
  });
  await site.say('bob', 'two');

  await at.command('BACKUP=');
  await at.command('S=ada');
  assert.match(await at.command('say ada recall'), /one\\ntwo/);
  // Its end takes the connection along, which redis-cli may call a failure.
  await at.command('old SHUTDOWN');
  const listed = await call(machine.url, 'ListTasks', { contextId: 'ada' }, V1);
  assert.ok(listed.text.includes(taskId), listed.text);
  const aliased = await call(machine.url, 'tasks/get', { id: 't1' });
  assert.match(aliased.text, /echo: two/);
  await site.remembers('bob', ['one', 'two']);
}
