/**
 * Finds a Redis server for the tests, or gets one. Never starts a service, never touches a Redis that runs: the package
 * is only unpacked into a cache folder.
 *
 *     node --import tsx scripts/ensure-redis.ts     prints the path, or what to install
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SERVERS = ['redis-server', 'valkey-server'];

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of SERVERS) {
      const path = join(folder, name);
      if (folder !== '' && (await isExecutable(path))) return path;
    }
  }
  return undefined;
}

async function isDebian(): Promise<boolean> {
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(await readFile('/etc/os-release', 'utf8').catch(() => ''));
}

/** The server and the libraries that this system lacks, unpacked beside each other, and a script that brings them together. */
async function unpack(cache: string): Promise<string> {
  const root = join(cache, 'root');
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'holdfast-redis-'));
  try {
    // apt downloads as another user, who may not enter a folder of ours
    const apt = (...args: string[]) =>
      run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', ...args], { cwd: work });
    await apt('update');
    const plan = await apt('install', '--dry-run', '--no-install-recommends', 'redis-server');
    const needed = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? '');
    await apt('download', ...new Set(['redis-server', 'redis-tools', ...needed]));
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(work, file), root]);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const libraries = await readdir(join(root, 'usr/lib')).catch(() => []);
  const folders = libraries.map((name) => join(root, 'usr/lib', name)).join(':');
  const server = join(cache, 'redis-server');
  const start = `exec "${join(root, 'usr/bin/redis-server')}" "$@"`;
  await writeFile(server, `#!/bin/sh\nexport LD_LIBRARY_PATH="${folders}"\n${start}\n`, { mode: 0o755 });
  return server;
}

/**
 * @returns the path of a Redis or Valkey server
 * @throws {Error} what to install, when there is none and none can be had
 */
export async function ensureRedis(): Promise<string> {
  const found = await onPath();
  if (found !== undefined) return found;
  const cache = join(homedir(), '.cache', 'holdfast', 'redis');
  const cached = join(cache, 'redis-server');
  if (await isExecutable(cached)) return cached;
  if (process.getuid?.() === 0 && (await isDebian())) return await unpack(cache);
  throw new Error(
    'No redis-server and no valkey-server on the PATH. Install one (7 or later; it need not run):\n' +
      '  Debian, Ubuntu   sudo apt-get install redis-server && sudo systemctl disable --now redis-server\n' +
      '  macOS            brew install redis\n' +
      '  Fedora           sudo dnf install valkey',
  );
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    console.log(await ensureRedis());
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
