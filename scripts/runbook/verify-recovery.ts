/**
 * Not in the quick form: its long command is a step of CI by itself.
 */
import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Verify recovery';

export async function rehearse(at: Rehearsal): Promise<void> {
  await Site.open(at, { redis: {} });
  assert.match(await at.command('npm run recovery'), /^nothing lost, nothing doubled$/m);
  assert.match(await at.command('say verify-recovery'), /still here/);
}
