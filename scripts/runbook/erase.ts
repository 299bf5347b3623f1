import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { bytesBelow } from '../rehearsal/files.ts';
import { Site } from '../rehearsal/site.ts';
import { eventually } from '../../tests/helpers/eventually.ts';
import { keysFile } from '../../tests/helpers/keys.ts';
import { call, V1 } from '../../tests/helpers/rpc.ts';
import { SHELF } from '../../tests/helpers/stored-sessions.ts';

export const heading = 'Erase';

export async function rehearse(at: Rehearsal): Promise<void> {
  const file = join(at.folder, 'keys.json');
  writeFileSync(file, JSON.stringify(keysFile({ key: 'hf_other', tenant: 'acme' })), { mode: 0o600 });
  const site = await Site.open(at, {
    // so that what is in its file can be read there
    redis: { args: ['--aof-use-rdb-preamble', 'no'] },
    machines: 3,
    each: (nth) => (nth === 3 ? { A2A_API_KEYS_FILE: file } : {}),
  });
  const [first, second] = [site.machineAt(1), site.machineAt(2)];
  const isGone = async (id: string): Promise<void> => {
    for (const { url } of [first, second])
      assert.equal((await call(url, 'GetTask', { id }, V1)).json.error?.code, -32001, id);
  };
  const { taskId: ofAda } = await site.say('ada', 'secret-of-ada', first);
  await site.say('ada', 'another', second);
  const { taskId: ofBob } = await site.say('bob', 'secret-of-bob', second);
  await site.say('cleo', 'secret-of-cleo', first);
  const stored = (): string => bytesBelow(site.redis.folder);
  for (const name of ['ada', 'bob', 'cleo']) assert.ok(stored().includes(`secret-of-${name}`), name);

  const told = await at.command('holdfast erase');
  assert.match(told, /from the store: 1 sessions, 9 records, \d+ bytes, 2 tasks, 0 aliases\.$/m);
  assert.match(told, /from 3 instances: 2 sessions in memory, 0 records that waited for the store\.$/m);
  await isGone(ofAda);
  site.goTo(3);
  await at.command('KEY=');
  const answer = JSON.parse(await at.until('curl', /"sessions":/)) as Record<string, unknown>;
  assert.deepEqual(
    { ...answer, records: 'some', bytes: 'some' },
    {
      ...{ sessions: 1, records: 'some', bytes: 'some', tasks: 1, aliases: 0, cachedSessions: 1 },
      ...{ waitingRecords: 0, instances: 3, unanswered: [], unattributed: 0 },
    },
  );
  await isGone(ofBob);
  await site.redisNow(async (client) => {
    at.says('its id, its epoch, the time; no content');
    for (const name of ['ada', 'bob'])
      assert.deepEqual((await client.hkeys(`${SHELF}s:${name}`)).sort(), ['d', 'e'], name);
    const keys = (await client.keys('*')).filter((key) => key.startsWith(SHELF) && !key.includes(':s:'));
    for (const key of keys) assert.doesNotMatch(await client.dump(key).then(String), /ada|bob/, key);
  });

  await at.command('redis-cli BGREWRITEAOF');
  await eventually(() => {
    const left = stored();
    return left.includes('secret-of-cleo') && !/secret-of-(ada|bob)/.test(left);
  });
  await site.remembers('ada', [''], first);
  await site.remembers('cleo', ['secret-of-cleo'], second);
}
