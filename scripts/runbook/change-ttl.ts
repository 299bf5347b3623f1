import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Change the TTL';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {}, settings: { A2A_SESSION_TTL_SECONDS: '86400' } });
  for (const session of ['ada', 'bob']) await site.say(session, 'one');
  await at.command('setting A2A_SESSION_TTL_SECONDS=3600');
  await at.command('systemctl restart holdfast');
  assert.ok(Number(await at.command('redis-cli PTTL')) > 86_000_000);
  await at.command('ms=3600000');
  const ttl = Number(await at.command('redis-cli PTTL'));
  assert.ok(ttl > 3_500_000 && ttl <= 3_600_000, String(ttl));
  await site.say('ada', 'two');
  const after = Number(await at.command('redis-cli PTTL'));
  assert.ok(after > 3_500_000 && after <= 3_600_000, String(after));
  await site.remembers('ada', ['one', 'two']);
  await site.remembers('bob', ['one']);
}
