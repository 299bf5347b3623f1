/**
 * Finds Prometheus and its promtool, or gets them: where apt is there and we are root, the package is unpacked into a cache
 * folder. Nothing is installed and no service is started.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Prometheus {
  /** Paths. */
  readonly server: string;
  readonly promtool: string;
}

async function inFolder(folder: string): Promise<Prometheus | undefined> {
  const found = { server: join(folder, 'prometheus'), promtool: join(folder, 'promtool') };
  try {
    await Promise.all(Object.values(found).map((path) => access(path, constants.X_OK)));
    return found;
  } catch {
    return undefined;
  }
}

/** The two need nothing but libc; what else the package depends on is for its web pages. */
async function unpack(root: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-prometheus-'));
  try {
    // apt downloads as another user, who may not enter a folder of ours
    const apt = (...args: string[]) =>
      run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', ...args], { cwd: work });
    await apt('download', 'prometheus').catch(async () => {
      await apt('update');
      await apt('download', 'prometheus');
    });
    await rm(root, { recursive: true, force: true });
    await mkdir(root, { recursive: true });
    for (const file of await readdir(work)) await run('dpkg', ['-x', join(work, file), root]);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** @throws {Error} what to install, when there is none and none can be had */
export async function ensurePrometheus(): Promise<Prometheus> {
  const root = join(homedir(), '.cache', 'holdfast', 'prometheus');
  const cache = join(root, 'usr', 'bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...path, cache]) {
    const found = await inFolder(folder);
    if (found !== undefined) return found;
  }
  if (process.getuid?.() === 0) await unpack(root).catch(() => undefined);
  const unpacked = await inFolder(cache);
  if (unpacked !== undefined) return unpacked;
  throw new Error(
    'No prometheus with promtool on the PATH. Install it (it need not run):\n' +
      '  Debian, Ubuntu   sudo apt-get install prometheus && sudo systemctl disable --now prometheus\n' +
      '  macOS            brew install prometheus',
  );
}
