import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../tests/helpers/eventually.ts';
import { sendOnce } from '../../tests/helpers/load.ts';
import { encryptionKeysFile } from '../../tests/helpers/sealing.ts';

export const heading = 'A record does not open';

export async function rehearse(at: Rehearsal): Promise<void> {
  const file = join(at.folder, 'keys.json');
  const write = (name: string, active: string, ...others: string[]): void => {
    writeFileSync(name, JSON.stringify(encryptionKeysFile(active, ...others)), { mode: 0o600 });
  };
  write(file, 'k1');
  const site = await Site.open(at, { redis: {}, settings: { A2A_ENCRYPTION_KEYS_FILE: file } });
  const { machine } = site;
  await site.say('ada', 'one');
  await machine.stop();
  write(`${file}.new`, 'k2');
  renameSync(`${file}.new`, file);
  write(`${file}.before`, 'k2', 'k1');
  await machine.start();
  assert.match((await sendOnce(machine.url, 'v1', 'two', 'ada')).reply.text, /SESSION_DAMAGED/);
  const { why, keyId } = await at.event(machine, 'record_unopened');
  assert.deepEqual([why, keyId], ['unknown-key', 'k1']);
  at.says('`unknown-key`');
  await at.metric(machine, 'holdfast_unopened_records_total', (count) => count > 0);
  assert.match(await at.command('events record_unopened'), /"keyId":"k1"/);

  await at.command('mv "$A2A_ENCRYPTION_KEYS_FILE.before"');
  await at.until('events encryption_keys_read', /"keys":\["k2","k1"\]/);
  assert.match(await at.command('redis-cli --raw HMGET'), /"t":"message".*"text":"one"/);
  await at.command('systemctl restart holdfast');
  await eventually(async () => /"text":"one"/.test(await at.command('say ada recall')));
}
