import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { bytesBelow } from '../rehearsal/files.ts';
import { Site } from '../rehearsal/site.ts';
import { call, V1 } from '../../tests/helpers/rpc.ts';

export const heading = 'Erase from the file of LMDB';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at);
  const { taskId: id } = await site.say('ada', 'secret-of-ada');
  await site.say('bob', 'secret-of-bob');
  const stored = (): string => bytesBelow(join(at.folder, 'data'));
  assert.match(stored(), /secret-of-ada/);
  assert.match(await at.command('systemctl stop holdfast'), /from the store: 1 sessions, /);
  assert.doesNotMatch(stored(), /secret-of-ada/);
  assert.match(stored(), /secret-of-bob/);
  assert.equal((await call(site.machine.url, 'GetTask', { id }, V1)).json.error?.code, -32001);
  await site.remembers('bob', ['secret-of-bob']);
  await site.remembers('ada', ['']);
}
