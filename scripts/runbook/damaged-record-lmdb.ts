import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { open } from 'lmdb';
import { join } from 'node:path';
import { sendOnce } from '../../tests/helpers/load.ts';

export const heading = 'A damaged record in LMDB';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at);
  const { machine } = site;
  await site.say('ada', 'one');
  await site.say('ada', 'two');
  await machine.stop();
  const db = open<string, (string | number)[]>({
    path: join(at.folder, 'data/sessions-2.mdb'),
    encoding: 'string',
  });
  assert.match(db.get(['r', 'default', 'ada', 3]) ?? '', /"text":"one"/);
  await db.put(['r', 'default', 'ada', 3], '{"t":');
  await db.close();
  await machine.start();
  assert.match((await sendOnce(machine.url, 'v1', 'three', 'ada')).reply.text, /SESSION_DAMAGED/);
  await at.event(machine, 'record_damaged');

  assert.match(await at.command('events record_damaged'), /"sessionId":"ada".*"field":"3"/);
  await at.command('systemctl stop holdfast');
  await at.command('node --input-type=module');
  await at.command('systemctl start holdfast');
  assert.match(await at.command('say ada recall'), /"text":"two"/);
  await site.remembers('ada', ['two', 'recall']);
}
