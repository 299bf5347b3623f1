import { streamOnce } from '../chunk-stream.ts';
import { messageOf, say, several } from '../client.ts';
import { Contender } from '../contenders.ts';
import * as names from '../names.ts';
import { bytesReceived } from '../redis-cost.ts';
import type { Rig } from '../rig.ts';
import type { Workload } from '../workload.ts';

const STORES = [names.REDIS, names.LMDB, names.MEMORY, names.SDK];
const CHUNKS = 1_000;
const CHUNK_BYTES = 100;
const LISTENERS = [1, 10, 100];
const ROUNDS = 3;
const AGENT = { A2A_AGENT: './scripts/bench/contenders/chunk-agent.mjs' };

async function run(rig: Rig): Promise<void> {
  const contenders = await Promise.all(STORES.map((name) => Contender.start(name, rig, AGENT)));
  for (const { url } of contenders) await stream(url, 1, rig.seconds(4) * 1_000);
  for (const listeners of LISTENERS) {
    rig.say(`stream: ${names.listenersOf(listeners)}`);
    for (let round = 0; round < ROUNDS; round += 1)
      for (const contender of contenders) await measure(rig, contender, listeners, rig.seconds(1) * 1_000);
  }
  rig.say('stream: bytes');
  await countRedis(rig);
  await countSqlite(rig);
}

async function measure(rig: Rig, contender: Contender, listeners: number, forMs: number): Promise<void> {
  const { name, url, server } = contender;
  const before = server.cpuMs;
  const { chunks, tookMs } = await stream(url, listeners, forMs);
  const after = server.cpuMs;
  const place = { workload: names.STREAM, variant: names.listenersOf(listeners), contender: name };
  rig.book.add(place, 'rate', chunks / (tookMs / 1_000));
  if (before !== undefined && after !== undefined)
    rig.book.add(place, 'cpu', ((after - before) * 1_000) / (chunks * listeners));
}

/** Task after task until the time is over; at least one. @returns chunks and the time in which they were told */
async function stream(
  url: string,
  listeners: number,
  forMs: number,
): Promise<{ chunks: number; tookMs: number }> {
  const until = performance.now() + forMs;
  const total = { chunks: 0, tookMs: 0 };
  do {
    const { chunks, tookMs } = await streamOnce(url, CHUNKS, listeners, messageOf);
    total.chunks += chunks;
    total.tookMs += tookMs;
  } while (performance.now() < until);
  return total;
}

const bytesPlace = (contender: string) => ({
  workload: names.STREAM,
  variant: names.STREAM_BYTES,
  contender,
});

async function countRedis(rig: Rig): Promise<void> {
  const client = await rig.redisClient();
  const { name, url } = await Contender.start(names.REDIS, rig, AGENT);
  await stream(url, 1, 0);
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = await bytesReceived(client);
    await stream(url, 1, 0);
    rig.book.add(
      bytesPlace(name),
      'factor',
      ((await bytesReceived(client)) - before) / (CHUNKS * CHUNK_BYTES),
    );
  }
  client.disconnect();
}

/** One task, and one only: it takes seconds. */
async function countSqlite(rig: Rig): Promise<void> {
  const contender = await Contender.start(names.SQLITE, rig, { BENCH_COUNTED: '1' });
  await several(200, () => say(contender.url, 'hello'));
  const written = async (): Promise<number> => {
    const answer = await fetch(new URL('/written', contender.url));
    return ((await answer.json()) as { written: number }).written;
  };
  const before = await written();
  await measure(rig, contender, 1, 0);
  rig.book.add(bytesPlace(contender.name), 'factor', ((await written()) - before) / (CHUNKS * CHUNK_BYTES));
}

export const streaming: Workload = {
  name: names.STREAM,
  title: 'A streamed task',
  note:
    'A task of 1,000 chunks of 100 bytes, published as fast as the event loop turns, to 1, 10 and 100 listeners: ' +
    'chunks per second as the slowest listener gets them, and CPU time per chunk and listener. Each listener has to be ' +
    'told every chunk and the end. The SDK with SQLite streams one task to one listener. Below, the bytes that go to the store, of Redis as it counts what it receives, of ' +
    'SQLite the text that its statements carry.',
  base: names.SDK,
  contenders: [...STORES, names.SQLITE],
  chart: 'rate',
  run,
};
