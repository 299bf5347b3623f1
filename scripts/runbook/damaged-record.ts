import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { sendOnce } from '../../tests/helpers/load.ts';
import { SHELF } from '../../tests/helpers/stored-sessions.ts';

export const heading = 'A damaged record';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  let good = '';
  for (const session of ['ada', 'bob']) {
    await site.say(session, 'one');
    await site.say(session, 'two');
  }
  await machine.stop();
  await site.redisNow(async (client) => {
    good = (await client.hget(`${SHELF}s:ada`, '3')) ?? '';
    assert.match(good, /"text":"one"/);
    for (const session of ['ada', 'bob']) await client.hset(`${SHELF}s:${session}`, '3', '{"t":');
  });
  await machine.start();
  for (const session of ['ada', 'bob']) {
    const { reply } = await sendOnce(machine.url, 'v1', 'three', session);
    assert.match(reply.text, /SESSION_DAMAGED/);
  }
  at.says('SESSION_DAMAGED');
  await at.event(machine, 'record_damaged', 2);
  await at.metric(machine, 'holdfast_damaged_records_total', (count) => count === 2);
  assert.match(await at.command('events record_damaged'), /"sessionId":"ada".*"field":"3"/);
  assert.match(await at.command('redis-cli HMGET'), /^\{"t":$/m);

  at.env['RECORD'] = good;
  at.leaveTerminal();
  await at.command('redis-cli HSET "$T:s:ada" 3 "$RECORD"');
  await at.command('redis-cli HSET "$T:s:bob" 3');
  await at.command('systemctl restart holdfast');
  assert.match(await at.command('say ada recall'), /one\\ntwo/);
  await site.remembers('bob', ['two']);
  await site.remembers('ada', ['one', 'two', 'recall']);
}
