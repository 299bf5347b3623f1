import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { join } from 'node:path';
import { freePorts } from '../../tests/helpers/redis.ts';
import { readyzOf } from '../rehearsal/rehearsal.ts';

export const heading = 'The outage journal';

export async function rehearse(at: Rehearsal): Promise<void> {
  const folder = join(at.folder, 'outage');
  const site = await Site.open(at, {
    redis: {},
    settings: { A2A_OUTAGE_JOURNAL_DIR: folder, A2A_DRAIN_SECONDS: '1' },
  });
  const { machine } = site;
  await site.say('ada', 'one');
  await site.redis.kill();
  const during = await site.say('ada', 'two');
  assert.equal(during.persistence, 'deferred');
  assert.equal((await readyzOf(machine)).pending.kept, true);
  at.says('`pending.kept: true`');
  await at.metric(machine, 'holdfast_outage_journal_changes', (changes) => changes > 0);
  const logs = machine.logs;
  assert.equal(await machine.stop(), 0);
  assert.equal(logs.of('server_stopped')[0]?.['keptIn'], folder);
  at.says('`keptIn`');

  await site.redis.start();
  const [port] = await freePorts(1);
  at.env['SPARE_PORT'] = String(port);
  await at.command('A2A_OUTAGE_JOURNAL_DIR=');
  const told = await at.command('until curl');
  assert.match(told, /^exit code 0$/m);
  assert.match(told, /"event":"outage_journal_read"/);
  at.says('outage_journal_read');
  await machine.start();
  await site.remembers('ada', ['one', 'two']);
}
