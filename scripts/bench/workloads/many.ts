import { sendCall } from '../call.ts';
import { call, say } from '../client.ts';
import { Contender } from '../contenders.ts';
import { drive } from '../load.ts';
import * as names from '../names.ts';
import type { Rig } from '../rig.ts';
import { measureRounds } from '../rounds.ts';
import type { Workload } from '../workload.ts';

const SESSIONS = 100_000;
/** A slow machine has fewer, and the report says how many. */
const FILL_MAX_MS = 35_000;
const FILL_CONNECTIONS = 64;
const STARTS = 3;
const LISTERS = 8;
const LIST = { method: 'ListTasks', params: '{"pageSize":100}', expects: '"totalSize"' };

async function run(rig: Rig): Promise<void> {
  const filled: Contender[] = [];
  let tasks = rig.count(SESSIONS);
  for (const name of [names.REDIS, names.LMDB]) {
    const contender = await Contender.start(name, rig);
    rig.say(`many: filling ${name}`);
    const held = await fill(rig, contender);
    for (const variant of [names.LISTED, names.STARTED])
      rig.book.add({ workload: names.MANY, variant, contender: name }, 'count', held);
    tasks = Math.min(tasks, held);
    filled.push(contender);
  }
  const sdk = await Contender.start(names.SDK, rig, { BENCH_TASKS: String(tasks) });
  const listed = { workload: names.MANY, variant: names.LISTED, contender: names.SDK };
  rig.book.add(listed, 'count', tasks);
  await measureRounds(rig, [...filled, sdk], {
    workload: names.MANY,
    variant: names.LISTED,
    call: () => LIST,
    connections: LISTERS,
    rounds: 3,
    seconds: rig.seconds(2),
    warmUpSeconds: rig.seconds(2),
  });
  await startAll(rig, filled);
}

/** @returns how many tasks it has, each in a session of its own */
async function fill(rig: Rig, { url }: Contender): Promise<number> {
  const wanted = rig.count(SESSIONS);
  const until = performance.now() + FILL_MAX_MS * rig.scale;
  let made = 0;
  while (made < wanted && performance.now() < until) {
    const load = { url, call: sendCall(200), connections: FILL_CONNECTIONS, seconds: 2 };
    made += (await drive(load, rig.folder)).requests;
  }
  const { totalSize } = await call<{ totalSize: number }>(url, 'ListTasks', { pageSize: 1 });
  return totalSize;
}

/** Each alternately on what it has and on nothing. */
async function startAll(rig: Rig, filled: readonly Contender[]): Promise<void> {
  rig.say('many: starts');
  for (const contender of filled) {
    const taskId = await say(contender.url, 'hello');
    const empty = await Contender.start(contender.name, rig);
    const other = await say(empty.url, 'hello');
    for (let round = 0; round < STARTS; round += 1) {
      for (const [variant, started, id] of [
        [names.STARTED, contender, taskId],
        [names.STARTED_EMPTY, empty, other],
      ] as const) {
        await started.restart();
        const began = performance.now();
        await call(started.url, 'GetTask', { id });
        const tookMs = started.server.startMs + performance.now() - began;
        rig.book.add({ workload: names.MANY, variant, contender: contender.name }, 'ms', tookMs);
      }
    }
    await Promise.all([contender.server.stop(), empty.server.stop()]);
  }
}

export const many: Workload = {
  name: names.MANY,
  title: '100,000 sessions',
  note:
    'A task in each. The first page of 100 tasks, over 8 connections; and how long a server takes from nothing to the ' +
    'answer of a task that is stored, beside the same on an empty store. The SDK has as many tasks, put into its store ' +
    'before it listens.',
  contenders: [names.REDIS, names.LMDB, names.SDK],
  chart: 'rate',
  run,
};
