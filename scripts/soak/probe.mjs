/**
 * Loaded into a server before it starts: says what the process holds to whoever connects to the Unix socket
 * HOLDFAST_PROBE, as one line of JSON. What is garbage has been collected by then.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
/** What only finalizers let go of is free after the second one. */
const BETWEEN_COLLECTIONS_MS = 100;

async function look() {
  collect();
  await pause(BETWEEN_COLLECTIONS_MS);
  collect();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  const handles = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  return { heapUsed, external, arrayBuffers, rss, handles };
}

const path = process.env.HOLDFAST_PROBE;
if (path !== undefined) {
  rmSync(path, { force: true });
  const door = createServer((socket) => {
    socket.on('error', () => undefined);
    void look().then((seen) => socket.end(JSON.stringify(seen)));
  });
  door.listen(path).unref();
}
