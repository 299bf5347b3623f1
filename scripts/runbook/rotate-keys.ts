import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encryptionKeysFile } from '../../tests/helpers/sealing.ts';

export const heading = 'Rotate the encryption keys';

export async function rehearse(at: Rehearsal): Promise<void> {
  const file = join(at.folder, 'keys.json');
  writeFileSync(file, JSON.stringify(encryptionKeysFile('k1')), { mode: 0o600 });
  const settings = { A2A_ENCRYPTION_KEYS_FILE: file, A2A_ENCRYPTION_REQUIRED: 'true' };
  const site = await Site.open(at, { redis: {}, machines: 2, settings });
  const [first, second] = [site.machineAt(1), site.machineAt(2)];
  await site.say('ada', 'one', first);
  await at.command('KEYS=');
  for (const machine of [first, second]) await at.event(machine, 'encryption_keys_read');
  await at.until("events 'encryption_keys_(", /"keys":\["k1","k2"\]/);
  await site.say('ada', 'two', second);
  await at.command('node -e');
  for (const machine of [first, second]) await at.event(machine, 'encryption_keys_read', 2);
  await at.until('events encryption_keys_read', /"active":"k2"/);
  await site.say('ada', 'three', first);
  const shown = await at.command('redis-cli --raw HVALS');
  assert.match(shown, /~1\.s\.k1\./);
  assert.match(shown, /~1\.s\.k2\./);
  assert.match(await at.command('holdfast store migrate'), /^0 do not open, 0 sessions are damaged$/m);
  await at.until('holdfast store migrate', /^0 rewritten/m);
  await at.command('OLD=');
  for (const machine of [first, second]) {
    const read = await at.event(machine, 'encryption_keys_read', 3);
    assert.deepEqual(read['keys'], ['k2']);
  }
  await first.kill9();
  await first.start();
  await site.remembers('ada', ['one', 'two', 'three'], first);
  assert.deepEqual([...first.logs.of('record_unopened'), ...second.logs.of('record_unopened')], []);
}
