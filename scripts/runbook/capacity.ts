import assert from 'node:assert/strict';
import type { Rehearsal } from '../rehearsal/rehearsal.ts';
import { Site } from '../rehearsal/site.ts';

export const heading = 'Capacity';

/** Of what the page says: Redis gives memory in classes of sizes, and ids are of many lengths. */
const MARGIN = 0.15;

export async function rehearse(at: Rehearsal): Promise<void> {
  const sessions = at.isQuick ? 250 : 1_000;
  const site = await Site.open(at, { redis: { args: ['--appendfsync', 'no'] } });
  await site.say('ada', 'first, so that scripts and indexes are there');
  const usedNow = async (): Promise<number> =>
    Number(/^used_memory:(\d+)/m.exec(await at.command('redis-cli INFO memory'))?.[1]);
  const names = Array.from({ length: sessions }, (_, n) => `session-${n}`);
  const sends = async (count: number): Promise<number> => {
    const next = names.values();
    const before = await usedNow();
    const worker = async (): Promise<void> => {
      for (const name of next)
        for (let n = 0; n < count; n += 1) await site.say(name, `${count} ${n} `.padEnd(200, 'x'));
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    // A busy machine defers: it counts once it is stored.
    await at.isOver(site.machine);
    return ((await usedNow()) - before) / sessions;
  };
  const first = await sends(5);
  const more = (await sends(2)) / 2;
  isAbout(first, at.number(/\| Redis 7\.0, memory \| ([\d,]+) \|/), 'a session of five sends');
  isAbout(more, at.number(/\| for each further send \| ([\d,]+) \|/), 'a further send');

  assert.match(await at.command('new_sessions_per_second=2'), /^172800 sessions, 2669 MiB$/m);
  assert.equal(Number(await at.command('redis-cli ZCARD')), sessions + 1);
  assert.match(await at.command('redis-cli MEMORY USAGE'), /^\d+$/m);
  assert.match(await at.command('metric holdfast_cache_bytes'), /^holdfast_cache_bytes \d+$/m);
}

function isAbout(found: number, told: number, what: string): void {
  assert.ok(
    Math.abs(found / told - 1) <= MARGIN,
    `${what} takes ${Math.round(found)} bytes, and the page says ${told}`,
  );
}
