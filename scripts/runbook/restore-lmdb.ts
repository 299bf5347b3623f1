import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { join } from 'node:path';

export const heading = 'Back up and restore LMDB';

export async function rehearse(at: Rehearsal): Promise<void> {
  at.env['BACKUP'] = join(at.folder, 'backup');
  const site = await Site.open(at);
  await site.say('ada', 'one');
  await at.command('BACKUP=');
  await site.say('ada', 'after the backup');
  await at.command('systemctl stop holdfast');
  await at.until('ready', /"status":"ready".*"records":0,/);
  assert.doesNotMatch(await at.command('say ada recall'), /after the backup/);
  await site.remembers('ada', ['one', 'recall']);
}
