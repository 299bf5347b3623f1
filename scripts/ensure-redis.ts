/**
 * Finds a Redis server for the tests, or gets one. Never starts a service, never touches a Redis that runs: the package
 * is only unpacked into a cache folder.
 *
 *     node --import tsx scripts/ensure-redis.ts     prints the path, or what to install
 */
import { pathToFileURL } from 'node:url';
import { findOrUnpack } from './debian-package.ts';

/**
 * @returns the path of a Redis or Valkey server
 * @throws {Error} what to install, when there is none and none can be had
 */
export async function ensureRedis(): Promise<string> {
  const found = await findOrUnpack(
    {
      names: ['redis-server', 'valkey-server'],
      packages: ['redis-server', 'redis-tools'],
      path: 'usr/bin/redis-server',
    },
    'redis',
  );
  if (found !== undefined) return found;
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
