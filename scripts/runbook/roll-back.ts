import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { call, V1 } from '../../tests/helpers/rpc.ts';
import { sendOnce } from '../../tests/helpers/load.ts';
import { otherBuild } from '../rehearsal/other-build.ts';

export const heading = 'Roll back';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  const newer = machine.main;
  const { taskId: id } = await site.say('ada', 'one');
  await site.say('ada', 'state colour red');
  await site.say('bob', 'one');

  // Of a time when nobody knew of records that hold an agent's state: two releases back, and not one.
  machine.main = otherBuild(at.folder, '0.0.1', 'state').main;
  await at.command('systemctl restart holdfast');
  await site.say('bob', 'two');
  assert.match((await sendOnce(machine.url, 'v1', 'two', 'ada')).reply.text, /SESSION_DAMAGED/);
  assert.match((await call(machine.url, 'GetTask', { id }, V1)).text, /echo: one/);
  const { what } = await at.event(machine, 'record_damaged');
  assert.equal(what, 'unknown record type');
  at.says('`what: unknown record type`');
  assert.match(await at.command('events record_damaged'), /"sessionId":"ada"/);

  machine.main = newer;
  await machine.stop();
  await machine.start();
  assert.match((await sendOnce(machine.url, 'v1', 'state colour', 'ada')).reply.text, /red/);
  await site.remembers('bob', ['one', 'two']);
}
