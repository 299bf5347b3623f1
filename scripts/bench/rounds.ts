import type { Call } from './call.ts';
import type { Contender } from './contenders.ts';
import { drive, type LoadResult } from './load.ts';
import type { Rig } from './rig.ts';

export const CONNECTIONS = 32;

/** Over this a server is started anew before its next round: what it keeps in memory must not slow it down, or others. */
const RESIDENT_MAX_BYTES = 1_500_000_000;
const REDIS_MAX_BYTES = 1_000_000_000;

export interface Rounds {
  readonly workload: string;
  readonly variant: string;
  /** @param contender when what is asked differs */
  readonly call: (contender: Contender) => Call;
  readonly connections?: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Each contender alike, until what it compiles is compiled. 0: it is warm. */
  readonly warmUpSeconds: number;
  /** Whether they may be emptied when they have taken much. */
  readonly mayEmpty?: boolean;
}

/** Asks each contender once per round, so that what the machine does meanwhile happens to all of them. */
export async function measureRounds(rig: Rig, contenders: readonly Contender[], plan: Rounds): Promise<void> {
  const { workload, variant, connections = CONNECTIONS } = plan;
  const load = (contender: Contender, seconds: number): Promise<LoadResult> =>
    drive({ url: contender.url, call: plan.call(contender), connections, seconds }, rig.folder);
  const warmUp = async (contender: Contender): Promise<void> => {
    if (plan.warmUpSeconds > 0) await load(contender, plan.warmUpSeconds);
  };
  rig.say(`${workload}: ${variant}`);
  for (const contender of contenders) await warmUp(contender);
  for (let round = 1; round <= plan.rounds; round += 1) {
    for (const contender of contenders) {
      if (plan.mayEmpty === true && (await isFull(rig, contender))) {
        await contender.restart();
        await warmUp(contender);
      }
      const before = contender.server.cpuMs;
      const result = await load(contender, plan.seconds);
      const after = contender.server.cpuMs;
      const place = { workload, variant, contender: contender.name };
      rig.book.add(place, 'rate', result.perSecond);
      rig.book.add(place, 'p50', result.p50Ms);
      rig.book.add(place, 'p99', result.p99Ms);
      if (before !== undefined && after !== undefined)
        rig.book.add(place, 'cpu', ((after - before) * 1000) / result.requests);
    }
  }
}

async function isFull(rig: Rig, contender: Contender): Promise<boolean> {
  const client = await rig.redisClient();
  const used = Number(/^used_memory:(\d+)/m.exec(await client.info('memory'))?.[1]);
  // Nobody reads again what such a workload has written.
  if (used > REDIS_MAX_BYTES) await client.flushall();
  client.disconnect();
  return (contender.server.residentBytes ?? 0) > RESIDENT_MAX_BYTES;
}
