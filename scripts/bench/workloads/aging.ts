import { say, several } from '../client.ts';
import { Contender } from '../contenders.ts';
import * as names from '../names.ts';
import { costOf, marksSent } from '../redis-cost.ts';
import type { Rig } from '../rig.ts';
import type { Workload } from '../workload.ts';

/** Messages around the one that is looked at: marks are sent several at once, so that one alone says little. */
const WINDOW = 16;
const AGES = [10, 1_000, 10_000];
/** It writes the square of its messages: 10,000 of them would be 50 GB. */
const WHOLE_AGES = [10, 1_000];
const SESSIONS = 3;
const TEXT = 'x'.repeat(200);

async function run(rig: Rig): Promise<void> {
  rig.say('aging: the cost of a message by the age of its session');
  for (const [name, ages] of [
    [names.REDIS, AGES],
    [names.WHOLE, WHOLE_AGES],
  ] as const) {
    const { url } = await Contender.start(name, rig);
    await several(rig.count(3_000), () => say(url, TEXT));
    for (let session = 0; session < rig.count(SESSIONS); session += 1)
      await age(rig, name, url, `old-${session}`, ages);
  }
}

/** One session from its first message to an old age. */
async function age(
  rig: Rig,
  contender: string,
  url: string,
  id: string,
  ages: readonly number[],
): Promise<void> {
  const client = await rig.redisClient();
  const speak = (): Promise<string> => say(url, TEXT, id);
  let said = 0;
  for (const nth of ages) {
    const before = Math.max(2, nth - WINDOW / 2) - said;
    // Several at once: how it grows old is not what is measured.
    await several(before, speak, 8);
    await marksSent();
    let tookMs = 0;
    const { bytes, commands } = await costOf(client, async () => {
      const began = performance.now();
      for (let n = 0; n < WINDOW; n += 1) await speak();
      tookMs = performance.now() - began;
      await marksSent();
    });
    said += before + WINDOW;
    const place = { workload: names.AGING, variant: names.nthOf(nth), contender };
    rig.book.add(place, 'bytes', bytes / WINDOW);
    rig.book.add(place, 'commands', commands / WINDOW);
    rig.book.add(place, 'ms', tookMs / WINDOW);
  }
  client.disconnect();
}

export const aging: Workload = {
  name: names.AGING,
  title: 'A session that grows old',
  note:
    'What the 10th, the 1,000th and the 10,000th message of one session cost Redis, as it counts itself: bytes ' +
    'received and commands done, those inside of scripts too. Sends of 200 B one after the other, the mean of the 16 ' +
    'around that number; three sessions. The store that writes the whole session each time is not asked for its ' +
    '10,000th message: up to it, it would write about 50 GB.',
  contenders: [names.REDIS, names.WHOLE],
  chart: 'bytes',
  run,
};
