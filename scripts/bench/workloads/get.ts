import { getCall } from '../call.ts';
import { say, several } from '../client.ts';
import { Contender } from '../contenders.ts';
import * as names from '../names.ts';
import type { Rig } from '../rig.ts';
import { measureRounds } from '../rounds.ts';
import type { Workload } from '../workload.ts';

const ALL = [names.REDIS, names.EXCLUSIVE, names.LMDB, names.MEMORY, names.SDK, names.SQLITE, names.NODE];
const TASKS = 1_000;
/** Far fewer than are asked for in turn: by the time a session's turn comes it has long been dropped. */
const CACHED_WHEN_EVICTING = 50;
const TEXT = 'x'.repeat(200);

/** @returns a task of each of so many sessions */
const fill = (url: string): Promise<string[]> => several(TASKS, () => say(url, TEXT));

async function run(rig: Rig): Promise<void> {
  const plan = { workload: names.GET, rounds: 3, seconds: rig.seconds(2) };
  await poll(rig, await Contender.startAll(ALL, rig), {
    ...plan,
    variant: names.POLLED,
    warmUpSeconds: rig.seconds(3),
  });
  const small = { A2A_CACHE_MAX_SESSIONS: String(CACHED_WHEN_EVICTING) };
  const evicting = await Promise.all(
    [names.REDIS, names.LMDB].map((name) => Contender.start(name, rig, small)),
  );
  await poll(rig, evicting, { ...plan, variant: names.EVICTED, warmUpSeconds: rig.seconds(4) });
}

async function poll(
  rig: Rig,
  contenders: readonly Contender[],
  plan: Omit<Parameters<typeof measureRounds>[2], 'call'>,
): Promise<void> {
  const tasks = new Map<string, string[]>();
  for (const { name, url } of contenders) tasks.set(name, await fill(url));
  await measureRounds(rig, contenders, { ...plan, call: ({ name }) => getCall(tasks.get(name) ?? []) });
}

export const get: Workload = {
  name: names.GET,
  title: 'Polling a task',
  note:
    'GetTask of 1,000 tasks in turn, each in its own session. Cached: shared servers ask Redis once whether anything ' +
    'is new, exclusive ones ask nothing. After eviction: only 50 sessions fit into memory, so each is loaded anew.',
  base: names.NODE,
  contenders: ALL,
  chart: 'rate',
  run,
};
