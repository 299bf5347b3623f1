/** What the commands of the page find on the PATH of a rehearsal beside the real tools. */
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { ensureRedis } from '../ensure-redis.ts';

/** What a service manager does with a unit; `kill` by SIGKILL. `start` rejects when it does not start. */
export type Service = Readonly<Record<'start' | 'stop' | 'kill', () => Promise<unknown>>>;

export interface StandInParts {
  readonly folder: string;
  /** @param machine which one the terminal is of */
  readonly service: (unit: string, machine: string) => Service;
  readonly journal: (machine: string) => string;
}

const MAIN = new URL('../../dist/server/main.js', import.meta.url).pathname;

/**
 * `holdfast`, and `systemctl` and `journalctl` which speak with this process; `redis-cli` and `redis-server` where this
 * system has none of its own.
 *
 * @returns what goes in front of the PATH, and how it ends
 */
export async function standIns(parts: StandInParts): Promise<{ bin: string; close: () => Promise<void> }> {
  const { folder } = parts;
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const socket = join(folder, 'services.sock');
  const put = (name: string, script: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  };
  const ask = `exec curl -sS --fail-with-body --unix-socket '${socket}'`;
  put('holdfast', `exec '${process.execPath}' '${MAIN}' "$@"`);
  put('systemctl', `for unit; do :; done\n${ask} -X POST "http://services/$1/$unit/$MACHINE"`);
  put('journalctl', `${ask} "http://services/journal/holdfast/$MACHINE"`);
  const redis = await ensureRedis();
  if (!(process.env['PATH'] ?? '').split(':').includes(dirname(redis))) putRedis(redis, put);
  const server = createServer((request, response) => {
    const [, verb = '', unit = '', machine = ''] = (request.url ?? '').split('/');
    void answer(parts, verb, decodeURIComponent(unit), machine).then(
      (text) => response.end(text),
      (error: unknown) => response.writeHead(500).end(`${(error as Error).message}\n`),
    );
  }).listen(socket);
  await once(server, 'listening');
  return { bin, close: () => closed(server) };
}

/** They were unpacked beside each other, and a script finds their libraries. */
function putRedis(redis: string, put: (name: string, script: string) => void): void {
  const start = readFileSync(redis, 'utf8').replace(/^#!.*\n/, '');
  put('redis-server', start);
  put('redis-cli', start.replaceAll('bin/redis-server', 'bin/redis-cli'));
}

async function answer(
  { service, journal }: StandInParts,
  verb: string,
  unit: string,
  machine: string,
): Promise<string> {
  if (verb === 'journal') return journal(machine);
  const { start, stop, kill } = service(unit, machine);
  if (verb === 'kill') await kill();
  if (verb === 'stop' || verb === 'restart') await stop();
  if (verb === 'start' || verb === 'restart') await start();
  return '';
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
}
