import { say, several } from '../client.ts';
import { Contender } from '../contenders.ts';
import * as names from '../names.ts';
import { costOf, marksSent, tripsDuring } from '../redis-cost.ts';
import type { Rig } from '../rig.ts';
import type { Workload } from '../workload.ts';

/** The next heartbeat comes after a quarter of this: nothing but what is asked for. */
const QUIET = { A2A_DEAD_SECONDS: '3600' };
const LOOKS = 3;
const SENDS = 200;
/** Short enough to be read in one go. */
const KNOWN = 'known';
/** Grows with every look. */
const OLD = 'old';
const TEXT = 'x'.repeat(2_000);
const ARTIFACT_BYTES = Buffer.byteLength(`echo: ${TEXT}`);

async function run(rig: Rig): Promise<void> {
  rig.say('costs: round trips and bytes, counted');
  const contender = await Contender.start(names.REDIS, rig, QUIET);
  const client = await rig.redisClient();
  const { book } = rig;
  const placeOf = (variant: string) => ({ workload: names.COSTS, variant, contender: names.REDIS });
  const count = async (variant: string, work: () => Promise<unknown>): Promise<void> => {
    const trips = await tripsDuring(client, async () => {
      await work();
    });
    book.add(placeOf(variant), 'trips', trips.length);
  };
  // Whatever is done once for each connection or tenant is done.
  await several(50, () => say(contender.url, TEXT));
  await say(contender.url, TEXT, KNOWN);
  for (let look = 0; look < LOOKS; look += 1) {
    await marksSent();
    await count(names.HIT, () => say(contender.url, TEXT, KNOWN));
    await count(names.FRESH, () => say(contender.url, TEXT));
    for (const contextId of [undefined, OLD]) {
      const { bytes } = await costOf(client, async () => {
        for (let n = 0; n < SENDS; n += 1) await say(contender.url, TEXT, contextId);
        await marksSent();
      });
      book.add(placeOf(names.TEXT_2K), 'factor', bytes / (SENDS * (TEXT.length + ARTIFACT_BYTES)));
    }
    await contender.restart(QUIET);
    await say(contender.url, TEXT);
    await marksSent();
    await count(names.RESTARTED, () => say(contender.url, TEXT, KNOWN));
  }
  client.disconnect();
}

export const costs: Workload = {
  name: names.COSTS,
  title: 'What Redis is asked for',
  note:
    'Counted, not timed: round trips that an answer waits for, as Redis monitors them, and every byte that Redis ' +
    'receives divided by the bytes of message and artifact text (new sessions and one old one in turn, marks of ' +
    'answered messages included).',
  contenders: [names.REDIS],
  quickContenders: [names.REDIS],
  run,
};
