import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../../tests/helpers/eventually.ts';
import { call, sendV1, V1 } from '../../tests/helpers/rpc.ts';

export const heading = 'Webhooks';

export async function rehearse(at: Rehearsal): Promise<void> {
  let answers = 503;
  let taken = 0;
  const receiver = createServer((_, response) => {
    if (answers === 200) taken += 1;
    response.writeHead(answers).end();
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  at.onEnd(() => {
    receiver.closeAllConnections();
    receiver.close();
  });
  const origin = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const site = await Site.open(at, {
    redis: {},
    settings: { A2A_PUSH_ALLOW: origin, A2A_PUSH_MAX_TRIES: '2' },
  });
  const { machine } = site;
  const config = { taskPushNotificationConfig: { id: 'w1', url: `${origin}/hook` } };
  const params = { ...sendV1('m1', 'input', 'ada'), configuration: config };
  const { json, text } = await call(machine.url, 'SendMessage', params, V1);
  const task = (json.result as { task?: { id?: string } } | undefined)?.task?.id;
  assert.ok(task !== undefined, text);
  const { why } = await at.event(machine, 'webhook_failed');
  assert.equal(why, 'HTTP 503');
  await at.event(machine, 'webhook_parked');
  await at.metric(machine, 'holdfast_webhooks_total{outcome="parked"}', (count) => count === 1);
  assert.match(await at.command('redis-cli --raw HGETALL'), /"t":"push"[^]*"parked":true/);
  await at.command('redis-cli ZRANGE');

  answers = 200;
  const again = { taskId: task, id: 'w1', url: `${origin}/hook` };
  const made = await call(machine.url, 'CreateTaskPushNotificationConfig', again, V1);
  assert.equal(made.json.error, undefined, made.text);
  const { message } = sendV1('m2', 'here it is', 'ada') as { message: object };
  await call(machine.url, 'SendMessage', { message: { ...message, taskId: task } }, V1);
  await eventually(() => taken > 0);
}
