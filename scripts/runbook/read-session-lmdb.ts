import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Read a session in LMDB';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at);
  await site.say('ada', 'my name is Ada');
  const shown = await at.command('node --input-type=module');
  assert.match(shown, /^head /m);
  assert.match(shown, /^r default ada 1 \{"t":"created"/m);
  assert.match(shown, /^r default ada \d+ .*"text":"echo: my name is Ada"/m);
  await site.say('ada', 'and Bob');
}
