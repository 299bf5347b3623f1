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
  const index = `${SHELF}tasks:completed`;
  await site.redisNow((client) => client.set(index, 'mine'));
  await sendOnce(machine.url, 'v1', 'two', 'ada');
  assert.match(
    await at.until("events 'session_persist_failed|", /index is damaged/),
    /tasks:completed has the wrong type/,
  );
  assert.match(await at.command('redis-cli TYPE'), /^string$/m);
  assert.match(await at.command('redis-cli RENAME'), /^OK$/m);
  const completed = async (): Promise<string> =>
    (await call(machine.url, 'ListTasks', { status: 'TASK_STATE_COMPLETED' }, V1)).text;
  assert.match(await completed(), /"totalSize":0/);
  assert.match(await at.command('holdfast store repair'), /tasks:completed: .* -> mended\n[^]* 0 left$/m);
  assert.match(await at.command('redis-cli TYPE'), /^zset$/m);
  assert.match(await completed(), /"totalSize":1/);
  assert.match(await at.command('say ada hello'), /TASK_STATE_COMPLETED/);
  await at.isOver(machine);
  assert.match(await at.command('holdfast store check --deep'), / 0 problems, 0 left$/m);
  assert.match(await completed(), /"totalSize":2/);
  await site.redisNow(async (client) => {
    assert.equal(await client.get(`${index}:set-aside`), 'mine');
  });
}
