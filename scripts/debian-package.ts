/** Programs of Debian packages without installing them: no service is set up, nothing outside a cache folder is touched. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Of a program that may be there, and that may be had. */
export interface DebianProgram {
  /** Names of the program, the one that is preferred first. */
  readonly names: readonly string[];
  /** Packages that it is in; what they need and is missing comes along. */
  readonly packages: readonly string[];
  /** Where it lies in them, e.g. `usr/bin/redis-server`. */
  readonly path: string;
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function onPath(names: readonly string[]): Promise<string | undefined> {
  // Programs for administrators are often not on a user's path.
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin']) {
    for (const name of names) {
      const path = join(folder, name);
      if (folder !== '' && (await isExecutable(path))) return path;
    }
  }
  return undefined;
}

async function isDebian(): Promise<boolean> {
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(await readFile('/etc/os-release', 'utf8').catch(() => ''));
}

/** The program and the libraries that this system lacks, unpacked beside each other, and a script that brings them together. */
async function unpack({ packages, path }: DebianProgram, cache: string, start: string): Promise<void> {
  const root = join(cache, 'root');
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  const work = await mkdtemp(join(tmpdir(), 'holdfast-debian-'));
  try {
    // apt downloads as another user, who may not enter a folder of ours
    const apt = (...args: string[]) =>
      run('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', ...args], { cwd: work });
    await apt('update');
    const plan = await apt('install', '--dry-run', '--no-install-recommends', ...packages);
    const needed = [...plan.stdout.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name ?? '');
    await apt('download', ...new Set([...packages, ...needed]));
    for (const file of await readdir(work)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(work, file), root]);
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  const libraries = await readdir(join(root, 'usr/lib')).catch(() => []);
  const folders = libraries.map((name) => join(root, 'usr/lib', name)).join(':');
  const exec = `exec "${join(root, path)}" "$@"`;
  await writeFile(start, `#!/bin/sh\nexport LD_LIBRARY_PATH="${folders}"\n${exec}\n`, { mode: 0o755 });
}

/** @returns path of the program: that of the system, else one that was unpacked; undefined when there is no way to one */
export async function findOrUnpack(program: DebianProgram, folder: string): Promise<string | undefined> {
  const found = await onPath(program.names);
  if (found !== undefined) return found;
  const cache = join(homedir(), '.cache', 'holdfast', folder);
  const start = join(cache, program.names[0] ?? folder);
  if (await isExecutable(start)) return start;
  if (process.getuid?.() !== 0 || !(await isDebian())) return undefined;
  await unpack(program, cache, start);
  return start;
}
