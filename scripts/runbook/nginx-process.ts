import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findOrUnpack } from '../debian-package.ts';
import { must, NotHereError } from './rehearsal.ts';

const SETTINGS = new URL('../../docs/operations/nginx/holdfast.conf', import.meta.url);
const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

/** @throws {NotHereError} */
export async function findNginx(): Promise<string> {
  const nginx = { names: ['nginx'], packages: ['nginx'], path: 'usr/sbin/nginx' };
  const found = await findOrUnpack(nginx, 'nginx').catch((cause: unknown) => {
    throw new NotHereError(`nginx cannot be had: ${cause instanceof Error ? cause.message : String(cause)}`);
  });
  if (found === undefined)
    throw new NotHereError('there is no nginx, and only root on Debian can unpack one');
  return found;
}

/** The settings as they are printed in the documents, with the addresses of this machine in place of those of others. */
async function settingsFor(port: number, servers: readonly string[]): Promise<string> {
  const text = await readFile(SETTINGS, 'utf8');
  const left = [...servers];
  const placed = text
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replaceAll(/server holdfast-\d:41241 /g, () => `server ${left.shift() ?? 'none'} `);
  must(left.length === 0 && !placed.includes('server none') && !placed.includes('listen 80'), 'the settings have a place for the port and for each server'); // prettier-ignore
  return placed;
}

/**
 * nginx with the settings of docs/operations/nginx, in front of servers.
 *
 * @param servers `host:port`, three
 * @throws {Error} when it finds fault with them
 */
export async function startNginx(
  binary: string,
  folder: string,
  port: number,
  servers: readonly string[],
): Promise<ChildProcess> {
  const home = join(folder, 'nginx');
  await mkdir(home);
  // Its workers run as another user when it is started by root.
  await chmod(folder, 0o755);
  const file = join(home, 'nginx.conf');
  const temporary = TEMPORARY.map((name) => `${name}_temp_path ${home}/${name};`).join('\n');
  await writeFile(
    file,
    `daemon off;\npid ${home}/pid;\nworker_processes 1;\nevents { worker_connections 512; }\n` +
      `http {\naccess_log off;\n${temporary}\n${await settingsFor(port, servers)}\n}\n`,
  );
  const args = ['-p', home, '-c', file, '-e', join(home, 'error.log')];
  await promisify(execFile)(binary, ['-t', ...args]);
  const started = spawn(binary, args, { stdio: 'ignore' });
  await once(started, 'spawn');
  return started;
}
