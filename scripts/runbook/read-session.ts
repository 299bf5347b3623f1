import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { call, sendV01 } from '../../tests/helpers/rpc.ts';

export const heading = 'Read a session';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  await call(site.machine.url, 'tasks/send', sendV01('t1', 'my name is Ada', 'ada'));
  const shown = await at.command('redis-cli --raw HGETALL');
  for (const part of ['v\t5', '1\t{"t":"created"', '"text":"echo: my name is Ada"', 't:ada.'])
    assert.ok(shown.includes(part), `${part} in ${shown}`);
  const ttl = Number(await at.command('redis-cli PTTL'));
  assert.ok(ttl > 86_000_000 && ttl <= 86_400_000, String(ttl));
  assert.match(await at.command('redis-cli HGET "$T:aliases"'), /^ada\.[\w-]+$/m);
}
