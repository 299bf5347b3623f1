import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis } from '../../tests/helpers/redis.ts';

export const heading = 'Move from LMDB to Redis and back';

interface Moved {
  readonly id?: string;
  readonly records?: readonly string[];
  readonly remainingMs?: number;
}

/** Session id -> what was exported of it. */
function exported(path: string): Map<string, Moved> {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const sessions = lines.map((line) => JSON.parse(line) as Moved).filter(({ id }) => id !== undefined);
  return new Map(sessions.map((session) => [session.id ?? '', session]));
}

export async function rehearse(at: Rehearsal): Promise<void> {
  const [moved, folder] = [join(at.folder, 'moved.jsonl'), join(at.folder, 'data-2')];
  const redis = await startRedis({ tcp: true, appendonly: true });
  at.onEnd(() => redis.stop());
  const url = `redis://127.0.0.1:${redis.port}/0`;
  Object.assign(at.env, { MOVED: moved, TO_REDIS: url, TO_FOLDER: folder });
  const site = await Site.open(at);
  const { machine } = site;
  const names = Array.from({ length: at.isQuick ? 20 : 200 }, (_, n) => `s${n}`);
  await site.say('ada', 'one');
  await Promise.all(names.map((name) => site.say(name, 'one')));

  await at.command('umask 077');
  await at.command('setting A2A_STORE=redis');
  const before = exported(moved);
  assert.equal(before.size, names.length + 1);
  assert.match(await at.command('holdfast store check --deep'), / 0 problems/);
  await at.command('systemctl start holdfast');
  await at.until('ready', /"status":"ready".*"records":0,/);
  assert.equal(machine.settings['A2A_STORE'], 'redis');
  assert.match(await at.command('say ada recall'), /"text":"one"/);

  await at.command('systemctl stop holdfast\nholdfast sessions export');
  const after = exported(moved);
  assert.equal(machine.settings['A2A_STORE'], 'lmdb');
  assert.equal(machine.settings['A2A_DATA_DIR'], folder);
  for (const name of names) {
    assert.deepEqual(after.get(name)?.records, before.get(name)?.records, name);
    assert.ok((after.get(name)?.remainingMs ?? Infinity) <= (before.get(name)?.remainingMs ?? 0), name);
  }
  await site.remembers('ada', ['one', 'recall']);
  await site.remembers('s7', ['one']);
}
