import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';
import { say, several } from '../client.ts';
import { Contender } from '../contenders.ts';
import * as names from '../names.ts';
import type { Rig } from '../rig.ts';
import type { ServerProcess } from '../server-process.ts';
import type { Workload } from '../workload.ts';

/** One says what the heap holds, the other lets a minute pass. */
const PRELOADS = ['../../soak/probe.mjs', '../contenders/leap.mjs'].map(
  (path) => pathToFileURL(join(import.meta.dirname, path)).href,
);
const SESSIONS = 2_000;
const SENDS = 5;
const TEXT = 'x'.repeat(200);
const ALL = [names.REDIS, names.LMDB, names.SDK];
/** What Redis was told within the last minute is kept in case it loses it; it is looked after every five seconds. */
const SETTLED_WITHIN_MS = 30_000;
/** Longer than it takes until it is looked after; what was stored a moment later needs another minute. */
const MINUTE_EVERY = 12;

async function run(rig: Rig): Promise<void> {
  rig.say('heap: what a session in memory takes');
  for (const name of ALL) await measure(rig, name);
}

async function measure(rig: Rig, name: string): Promise<void> {
  const probe = rig.freshPath();
  const options = PRELOADS.map((href) => `--import=${href}`).join(' ');
  const { url, server } = await Contender.start(name, rig, { NODE_OPTIONS: options, HOLDFAST_PROBE: probe });
  const fill = async (run: string, sessions: number): Promise<void> => {
    for (let n = 0; n < SENDS; n += 1)
      await several(sessions, (session) => say(url, TEXT, `${run}-${session}`));
  };
  // Code, caches of the engine, whatever grows once.
  await fill('warm', rig.count(1_000));
  if (name === names.REDIS) await settle(server);
  const before = await heapOf(probe);
  const sessions = rig.count(SESSIONS, 200);
  await fill('measured', sessions);
  const place = { workload: names.HEAP, variant: names.HEAP_VARIANT, contender: name };
  if (name === names.REDIS) {
    const kept = (await heapOf(probe)) - before;
    rig.book.add({ ...place, contender: `${name}, within a minute` }, 'kilobytes', kept / sessions / 1024);
    await settle(server);
  }
  rig.book.add(place, 'kilobytes', ((await heapOf(probe)) - before) / sessions / 1024);
}

/** Bytes of the heap once its garbage has been collected. */
async function heapOf(probe: string): Promise<number> {
  const socket = connect(probe);
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await once(socket, 'close');
  return (JSON.parse(text) as { heapUsed: number }).heapUsed;
}

/** Minutes pass. */
async function settle(server: ServerProcess): Promise<void> {
  const until = performance.now() + SETTLED_WITHIN_MS;
  for (let look = 0; performance.now() < until; look += 1) {
    if (look % MINUTE_EVERY === 0) server.signal('SIGUSR2');
    await pause(500);
    const text = await (await fetch(new URL('/metrics', server.url))).text();
    if (/^holdfast_recent_bytes 0$/m.test(text)) return;
  }
  throw new Error('what Redis was told is still kept after minutes');
}

export const heap: Workload = {
  name: names.HEAP,
  title: 'Memory of a cached session',
  note:
    'Heap after garbage collection, with the sessions and before them, per session. What was stored in Redis within the ' +
    'last minute is kept besides, in case Redis loses it: the row “within a minute” has that too. The SDK keeps the ' +
    'tasks themselves.',
  contenders: [names.REDIS, names.SDK],
  run,
};
