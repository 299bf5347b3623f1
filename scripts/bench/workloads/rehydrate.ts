import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { say, several } from '../client.ts';
import { Contender } from '../contenders.ts';
import { nodeOn } from '../machine.ts';
import * as names from '../names.ts';
import type { Rig } from '../rig.ts';
import type { Workload } from '../workload.ts';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, '../contenders/rehydration.mjs');
const SIZES = [10, 1_000, 10_000];
const ROUNDS = 5;
const ROUND_MS = 400;
const TEXT = 'x'.repeat(200);
/** Two of a size take turns. */
const OF_A_SIZE = ['a', 'b'];

interface Timed {
  readonly size: number;
  readonly own: number;
  readonly bare?: number;
}

async function measure(rig: Rig): Promise<void> {
  rig.say('rehydrate: sessions of 10, 1,000 and 10,000 records');
  const { path } = await rig.redis();
  const prefix = rig.freshName();
  const redis = await Contender.start(names.REDIS, rig, { A2A_KEY_PREFIX: prefix });
  const lmdb = rig.freshPath();
  const embedded = await Contender.start(names.LMDB, rig, { A2A_DATA_DIR: lmdb });
  const perSend = await recordsPerSend(rig, redis);
  const sizes = Object.fromEntries(SIZES.map((size) => [size, OF_A_SIZE.map((name) => `${name}${size}`)]));
  for (const { url, server } of [redis, embedded]) {
    for (const [size, ids] of Object.entries(sizes))
      for (const id of ids) await several(Math.ceil(Number(size) / perSend), () => say(url, TEXT, id), 8);
    await server.stop();
  }
  const common = { sizes, rounds: ROUNDS, ms: Math.max(50, ROUND_MS * rig.scale) };
  book(rig, names.REDIS, await timed(rig, { ...common, redis: path, prefix }));
  book(rig, names.LMDB, await timed(rig, { ...common, lmdb }));
}

async function recordsPerSend(rig: Rig, { url }: Contender): Promise<number> {
  const client = await rig.redisClient();
  await say(url, TEXT, 'counted');
  const [key] = await client.keys('*:s:counted');
  const head = Number(await client.hget(key ?? '', 'v'));
  client.disconnect();
  if (!(head > 0)) throw new Error('a session has no head');
  return head;
}

async function timed(rig: Rig, plan: object): Promise<Timed[]> {
  const [command, args] = nodeOn(rig.machine.on('server'), SCRIPT);
  const env = { PATH: process.env['PATH'] ?? '', BENCH_PLAN: JSON.stringify(plan) };
  const { stdout } = await run(command, args, { env });
  return JSON.parse(stdout) as Timed[];
}

function book(rig: Rig, contender: string, results: readonly Timed[]): void {
  for (const { size, own, bare } of results) {
    const place = { workload: names.REHYDRATE, variant: names.recordsOf(size) };
    rig.book.add({ ...place, contender }, 'ms', own);
    if (bare !== undefined) rig.book.add({ ...place, contender: names.BARE }, 'ms', bare);
  }
}

export const rehydrate: Workload = {
  name: names.REHYDRATE,
  title: 'Loading a session',
  note:
    'From the store into a session that can be worked with, in a process of its own; two sessions take turns, so that ' +
    'neither is in memory. Beside it the least that could be done: `HGETALL` of the same hash and `JSON.parse` of each ' +
    'record.',
  base: names.BARE,
  contenders: [names.REDIS, names.LMDB],
  chart: 'ms',
  run: measure,
};
