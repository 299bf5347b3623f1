/**
 * Whether clients that only take up room keep others out: see `npm run flood -- --help`.
 */
import { spawnSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ServerProcess } from './bench/server-process.ts';
import { Crowd } from './flood/crowd.ts';
import { parsed, UsageError, wholeNumber } from './usage.ts';

const EXIT = { sound: 0, unsound: 1, usage: 2 } as const;
const USAGE = `npm run flood -- [options]

Starts a server (memory store) and sends to it over 32 connections, alone and then beside a crowd of clients that take up
room and do nothing. Exit code 1: a request was refused or failed, or the server left one of the crowd. Throughput and p99
are reported and decide nothing.

  --idle N      connections on which nothing is said (10000)
  --bodies N    requests whose body does not come (1000)
  --streams N   streams on which nothing is told (1000)
  --seconds N   of each measurement (10)
`;

interface Measured {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Answers that were none, or no 200. */
  readonly refused: number;
}

const CONNECTIONS = 32;

const sendBody = (method: string, n: string, text: string): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id: n,
    method,
    params: { message: { messageId: n, role: 'ROLE_USER', parts: [{ text }] } },
  });

async function load(url: string, seconds: number): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const tookMs: number[] = [];
  let refused = 0;
  const began = performance.now();
  const until = began + seconds * 1000;
  const send = (n: string): Promise<number> =>
    new Promise((resolve) => {
      const req = request(url, {
        method: 'POST',
        agent,
        headers: { 'Content-Type': 'application/json', 'A2A-Version': '1.0' },
      });
      req.on('response', (res) => {
        res.resume().on('end', () => {
          resolve(res.statusCode ?? 0);
        });
      });
      req.on('error', () => {
        resolve(0);
      });
      req.end(sendBody('SendMessage', n, 'hello'));
    });
  const one = async (connection: number): Promise<void> => {
    for (let n = 0; performance.now() < until; n++) {
      const at = performance.now();
      if ((await send(`${began}.${connection}.${n}`)) !== 200) refused++;
      tookMs.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, connection) => one(connection)));
  agent.destroy();
  tookMs.sort((a, b) => a - b);
  const perSecond = tookMs.length / ((performance.now() - began) / 1000);
  return { perSecond, p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? NaN, refused };
}

function readArguments():
  { idle: number; slowBodies: number; silentStreams: number; seconds: number } | undefined {
  const text = { type: 'string' } as const;
  const options = {
    idle: text,
    bodies: text,
    streams: text,
    seconds: text,
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values } = parsed(() => parseArgs({ options }));
  if (values.help === true) return undefined;
  return {
    idle: wholeNumber('--idle', values.idle, [0, 15_000], 10_000),
    slowBodies: wholeNumber('--bodies', values.bodies, [0, 5_000], 1_000),
    silentStreams: wholeNumber('--streams', values.streams, [0, 2_000], 1_000),
    seconds: wholeNumber('--seconds', values.seconds, [1, 600], 10),
  };
}

async function run(): Promise<number> {
  const options = readArguments();
  if (options === undefined) {
    process.stdout.write(USAGE);
    return EXIT.sound;
  }
  const build = join(import.meta.dirname, 'build.mjs');
  if (spawnSync(process.execPath, [build, '--if-stale'], { stdio: 'inherit' }).status !== 0)
    return EXIT.unsound;
  const server = await ServerProcess.start({
    on: [],
    script: 'dist/server/main.js',
    // so that nobody of the crowd is left before the end
    env: { A2A_STORE: 'memory', A2A_HEADERS_TIMEOUT_SECONDS: '600', A2A_REQUEST_TIMEOUT_SECONDS: '1200' },
  });
  const crowd = new Crowd(server.url);
  try {
    await load(server.url, Math.min(5, options.seconds));
    const alone = await load(server.url, options.seconds);
    await crowd.open(options, (n) => sendBody('SendStreamingMessage', `stream ${n}`, 'slow 2 99999'));
    const beside = await load(server.url, options.seconds);
    const { lost } = crowd;
    const line = (what: string, { perSecond, p99Ms, refused }: Measured): string =>
      `  ${what}  ${Math.round(perSecond)} requests/s, p99 ${p99Ms.toFixed(1)} ms, refused ${refused}\n`;
    const share = Math.round((beside.perSecond / alone.perSecond) * 100);
    process.stdout.write(line('alone            ', alone) + line('beside the crowd ', beside));
    process.stdout.write(`  throughput left    ${share} %\n  lost of the crowd  ${lost}\n`);
    return alone.refused + beside.refused + lost === 0 ? EXIT.sound : EXIT.unsound;
  } finally {
    crowd.leave();
    await server.stop();
  }
}

try {
  process.exitCode = await run();
} catch (error) {
  process.stderr.write(`flood: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? EXIT.usage : EXIT.unsound;
}
