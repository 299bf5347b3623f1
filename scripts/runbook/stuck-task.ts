import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { eventually } from '../../tests/helpers/eventually.ts';
import { call, sendV1, V1 } from '../../tests/helpers/rpc.ts';
import type { Machine } from '../rehearsal/machine.ts';

export const heading = 'A stuck task';

async function begin({ url }: Machine, messageId: string): Promise<string> {
  const params = { ...sendV1(messageId, 'slow 1000 100', 'ada'), configuration: { returnImmediately: true } };
  const { json, text } = await call(url, 'SendMessage', params, V1);
  const id = (json.result as { task?: { id?: string } } | undefined)?.task?.id;
  assert.ok(id !== undefined, text);
  await eventually(async () => /WORKING/.test((await call(url, 'GetTask', { id }, V1)).text));
  return id;
}

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {}, settings: { A2A_DEAD_SECONDS: '1' } });
  const { machine } = site;
  const left = await begin(machine, 'm1');
  await machine.kill9();
  await eventually(async () => (await at.failing('holdfast tasks stuck')).includes(left), 20_000);
  assert.match(await at.command('holdfast instances'), /dead/);
  assert.match(await at.command('task=$('), /^settled ada\.\S+: failed$/m);
  await machine.start();
  assert.match((await call(machine.url, 'GetTask', { id: left }, V1)).text, /TASK_STATE_FAILED/);

  const hanging = await begin(machine, 'm2');
  assert.match(await at.command('cancel() {'), /"id":"ada\./);
  await eventually(async () =>
    /TASK_STATE_CANCELED/.test((await call(machine.url, 'GetTask', { id: hanging }, V1)).text),
  );
  assert.match(await at.command('holdfast tasks stuck'), /no task is stuck/);
  const shown = await at.command('holdfast sessions show');
  assert.match(shown, /failed/);
  assert.match(shown, /canceled/);
}
