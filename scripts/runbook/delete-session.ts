import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { call, V1 } from '../../tests/helpers/rpc.ts';

export const heading = 'Delete a session';

export async function rehearse(at: Rehearsal): Promise<void> {
  const site = await Site.open(at, { redis: {} });
  const { machine } = site;
  const { taskId: id } = await site.say('ada', 'one');
  await site.say('bob', 'one');
  await at.command('holdfast sessions delete');
  await at.failing('holdfast sessions show');
  await at.until('redis-cli ZRANGEBYLEX', /^\s*$/);
  assert.equal((await call(machine.url, 'GetTask', { id }, V1)).json.error?.code, -32001);
  await site.say('ada', 'anew');
  await site.remembers('ada', ['anew']);
  await site.remembers('bob', ['one']);
}
