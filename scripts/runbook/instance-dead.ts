import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { call, sendV1, V1 } from '../../tests/helpers/rpc.ts';

export const heading = 'An instance dies, hangs or is stopped';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {}, machines: 2, settings: { A2A_DEAD_SECONDS: '1' } });
  const [dying, other] = [site.machineAt(1), site.machineAt(2)];
  await site.say('ada', 'one', dying);
  const params = { ...sendV1('m1', 'slow 1000 100', 'ada'), configuration: { returnImmediately: true } };
  const { json, text } = await call(dying.url, 'SendMessage', params, V1);
  const id = (json.result as { task?: { id?: string } } | undefined)?.task?.id;
  assert.ok(id !== undefined, text);
  await at.metric(other, 'holdfast_instances_alive', (alive) => alive === 2);
  await dying.kill9();

  await at.event(other, 'instance_dead');
  const { action } = await at.event(other, 'task_recovered');
  assert.equal(action, 'failed');
  at.says('`failed`');
  await at.metric(other, 'holdfast_instances_alive', (alive) => alive === 1);
  await at.metric(other, 'holdfast_tasks_recovered_total', (count) => count === 1);
  const shown = await call(other.url, 'GetTask', { id }, V1);
  assert.match(shown.text, /TASK_STATE_FAILED/);
  site.goTo(2);
  assert.match(await at.command('redis-cli ZRANGE'), /\d{13}/);
  assert.match(await at.command("events 'instance_dead|task_recovered'"), /"event":"task_recovered"/);

  site.goTo(1);
  await at.command('systemctl start holdfast');
  await at.until('ready', /"alive":2/);
  await site.remembers('ada', ['one', 'slow 1000 100'], dying);
}
