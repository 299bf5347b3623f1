import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { sendOnce } from '../../tests/helpers/load.ts';
import { SHELF } from '../../tests/helpers/stored-sessions.ts';

export const heading = 'A damaged session';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  for (const session of ['ada', 'bob', 'cy', 'dan']) await site.say(session, 'one');
  await machine.stop();
  await site.redisNow(async (client) => {
    await client.hset(`${SHELF}s:ada`, 'v', 'many');
    await client.hdel(`${SHELF}s:bob`, 'e');
    await client.set(`${SHELF}s:cy`, 'mine');
  });
  await machine.start();
  for (const session of ['ada', 'bob', 'cy']) {
    const { reply } = await sendOnce(machine.url, 'v1', 'two', session);
    assert.match(reply.text, /SESSION_DAMAGED/);
  }
  at.says('SESSION_DAMAGED');
  await at.event(machine, 'session_damaged', 3);
  await site.say('dan', 'two');
  assert.match(await at.command('events session_damaged'), /"sessionId":"ada".*"field":"v"/);

  await at.command('K="$T:s:ada"');
  await at.command('K="$T:s:bob"');
  await at.command('K="$T:s:cy"');
  assert.match(await at.command('redis-cli HMGET'), /^\S{16}\n\d+\n$/);
  await site.remembers('ada', ['one']);
  await site.remembers('bob', ['one']);
  await site.say('cy', 'anew');
  await site.remembers('cy', ['anew']);
}
