import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { call, V1 } from '../../tests/helpers/rpc.ts';
import { sendOnce } from '../../tests/helpers/load.ts';
import { SHELF } from '../../tests/helpers/stored-sessions.ts';

export const heading = 'A damaged index';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  await site.say('ada', 'one');
  await site.redisNow((client) => client.set(`${SHELF}tasks:completed`, 'mine'));
  await sendOnce(machine.url, 'v1', 'two', 'ada');
  assert.match(
    await at.until("events 'session_persist_failed|", /index is damaged/),
    /tasks:completed has the wrong type/,
  );
  assert.match(await at.command('redis-cli TYPE'), /^string$/m);
  assert.match(await at.command('redis-cli RENAME'), /^OK$/m);
  assert.match(await at.command('say ada hello'), /TASK_STATE_COMPLETED/);
  assert.match(await at.command('redis-cli TYPE'), /^zset$/m);
  await at.isOver(machine);
  const { text } = await call(machine.url, 'ListTasks', { status: 'TASK_STATE_COMPLETED' }, V1);
  assert.match(text, /"totalSize":1/);
}
