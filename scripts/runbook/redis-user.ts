import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const heading = 'The Redis user';

export async function rehearse(at: Rehearsal): Promise<void> {
  const file = join(at.folder, 'users.acl');
  writeFileSync(file, '');
  const site = await Site.open(at, { redis: { args: ['--aclfile', file] } });
  const { machine } = site;
  await site.say('ada', 'one');
  const line = /^user holdfast .*$/m.exec(at.text)?.[0];
  assert.ok(line !== undefined, 'the page has the line of the user');
  writeFileSync(file, `user default on nopass ~* &* +@all\n${line}\n`);
  assert.match(await at.command('redis-cli ACL LOAD'), /^OK$/m);
  await at.command('setting REDIS_USERNAME');
  await at.command('setting REDIS_PASSWORD');
  await at.command('systemctl restart holdfast');
  await at.until('ready', /"status":"ready".*"records":0,/);
  await site.say('ada', 'two');
  await site.remembers('ada', ['one', 'two']);
  assert.match(await at.command('redis-cli ACL LOG'), /^\s*$/);
  await at.command('set -a; . "$SETTINGS"');
  await site.redisNow(async (client) => {
    await client.call('ACL', 'SETUSER', 'default', 'off');
    assert.match(await at.command('redis-cli PING'), /^PONG$/m);
    assert.match(await at.command('redis-cli EXISTS'), /^1$/m);
    await client.call('ACL', 'SETUSER', 'default', 'on');
  });
  await site.redisNow(async (client) => {
    assert.match(String(await client.call('CLIENT', 'LIST')), /user=holdfast/);
  });
  await machine.stop();
}
