import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../tests/helpers/eventually.ts';
import { metricOf, Skipped } from '../rehearsal/rehearsal.ts';

export const heading = 'The disk is full';

/** Small enough to be filled at once, large enough for the file as it begins. */
const DISK = 'size=1m';

export async function rehearse(at: Rehearsal): Promise<void> {
  const data = join(at.folder, 'data');
  mkdirSync(data);
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', DISK, 'tmpfs', data]);
  if (status !== 0) throw new Skipped('only root can make a disk that is so small');
  at.onEnd(() => {
    spawnSync('umount', [data]);
  });
  const site = await Site.open(at);
  const { machine } = site;
  await site.say('ada', 'one');
  const { bavail, bsize } = statfsSync(data);
  const filler = join(data, 'somebody-elses-logs');
  writeFileSync(filler, Buffer.alloc(bavail * bsize));

  const sent = ['one'];
  await eventually(async () => {
    sent.push(`big ${20_000 + sent.length}`);
    await site.say('ada', sent.at(-1) ?? '');
    return (await metricOf(machine, 'holdfast_pending_records')) > 0;
  });
  await at.reason(machine, 'records wait for the store');
  await at.metric(machine, 'holdfast_pending_records', (records) => records > 0);
  await at.until('ready', /"status":"degraded"/);
  assert.match(await at.command('df -h'), /100%/);
  assert.match(await at.command('ls -l'), /somebody-elses-logs/);

  rmSync(filler);
  await at.until('ready', /"status":"ready".*"records":0,/);
  await machine.kill9();
  await machine.start();
  await site.remembers('ada', sent);
}
