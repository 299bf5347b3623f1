/**
 * Blocking sends per second: Holdfast on each store beside a server that stores nothing, round by round in one run, so
 * that what the machine does meanwhile happens to all of them. Ratios are steady, absolute numbers are not.
 *
 *     npm run bench [-- --quick]
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sendsPerSecond } from './bench/load.ts';
import { ensureRedis } from './ensure-redis.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 3 : 9;
const ROUND_MS = quick ? 1_000 : 3_000;
const WARM_UP_MS = 1_000;
const CONNECTIONS = 32;
const TEXT_LENGTH = 200;
const BASE = 'node:http + jayson, stores nothing';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
const children: ChildProcess[] = [];
const root = join(import.meta.dirname, '..');

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

/** Starts a server that says on a line of its standard output where it listens. */
async function start(script: string, env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [join(root, script)], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', PORT: '0', LOG_LEVEL: 'info', ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  for await (const line of createInterface(child.stdout)) {
    const { event, url } = JSON.parse(line) as { event?: string; url?: string };
    // What it says from now on is read and dropped, so that its pipe does not fill.
    if (event === 'server_listening' && url !== undefined) {
      child.stdout.resume();
      return url;
    }
  }
  throw new Error(`${script} did not start`);
}

async function startRedis(): Promise<string> {
  const socket = join(folder, 'redis.sock');
  const args = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'no'];
  const redis = spawn(await ensureRedis(), args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(redis);
  for await (const line of createInterface(redis.stdout))
    if (line.includes('eady to accept connections')) break;
  redis.stdout.resume();
  return `unix://${socket}`;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const HOLDFAST = 'dist/server/main.js';

const contenders: Record<string, string> = {
  [BASE]: await start('scripts/bench/echo-server.mjs', {}),
  'Holdfast, memory': await start(HOLDFAST, { A2A_STORE: 'memory' }),
  'Holdfast, LMDB': await start(HOLDFAST, { A2A_STORE: 'lmdb', A2A_DATA_DIR: join(folder, 'lmdb') }),
  'Holdfast, Redis': await start(HOLDFAST, { REDIS_URL: await startRedis() }),
};
const results = new Map<string, number[]>();
const load = { connections: CONNECTIONS, textLength: TEXT_LENGTH };
for (const url of Object.values(contenders)) await sendsPerSecond({ url, ...load, durationMs: WARM_UP_MS });
for (let round = 1; round <= ROUNDS; round += 1) {
  for (const [name, url] of Object.entries(contenders)) {
    const rate = await sendsPerSecond({ url, ...load, durationMs: ROUND_MS });
    results.set(name, [...(results.get(name) ?? []), rate]);
  }
  console.error(`round ${round} of ${ROUNDS}`);
}

const base = results.get(BASE) ?? [];
console.log(
  `blocking sends of ${TEXT_LENGTH} characters, new sessions, ${CONNECTIONS} connections, ${ROUNDS} rounds`,
);
console.table(
  Object.fromEntries(
    [...results].map(([name, rates]) => {
      const ratios = rates.map((rate, i) => rate / (base[i] ?? Number.NaN));
      const spread = `${Math.min(...ratios).toFixed(2)} – ${Math.max(...ratios).toFixed(2)}`;
      return [name, { 'median/s': Math.round(median(rates)), ratio: median(ratios).toFixed(2), spread }];
    }),
  ),
);
process.exit(0);
