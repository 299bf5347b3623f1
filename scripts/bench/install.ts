/** The folder of the contenders: their packages and, beside these, the programs that use them. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
export const BENCH_FOLDER = join(ROOT, '.bench');

/**
 * Never development dependencies: one of them compiles for a minute, and 12 is the last line of it for Node 20. A program
 * in .bench/ that does not find its package there finds the project's own.
 */
const VERSIONS = {
  '@a2a-js/sdk': '1.3',
  'better-sqlite3': '12',
  kysely: '0.28',
  autocannon: '8',
} as const;
const PROGRAMS = ['sdk-server.mjs', 'chunks.mjs', 'autocannon-load.mjs'];

export type Package = keyof typeof VERSIONS;

/** Installs what is missing of these. @throws when npm fails */
export function install(packages: readonly Package[], say: (line: string) => void): void {
  mkdirSync(BENCH_FOLDER, { recursive: true });
  for (const name of PROGRAMS)
    copyFileSync(join(import.meta.dirname, 'contenders', name), join(BENCH_FOLDER, name));
  const missing = packages.filter((name) => !existsSync(join(BENCH_FOLDER, 'node_modules', name)));
  if (missing.length === 0) return;
  say(`installing ${missing.join(', ')} into .bench/`);
  const manifest = join(BENCH_FOLDER, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true, "type": "module" }\n');
  const names = missing.map((name) => `${name}@${VERSIONS[name]}`);
  const { status, stderr } = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--prefer-offline', ...names],
    { cwd: BENCH_FOLDER, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'] },
  );
  if (status !== 0) throw new Error(`npm could not install ${names.join(', ')}: ${stderr.slice(-500)}`);
}

const COMPARED = ['@a2a-js/sdk', 'better-sqlite3', 'kysely', 'express', 'jayson'];

/** What is compared with, such as `express 5.3.0`; of those that are there. */
export function comparedVersions(): string {
  const folders = [BENCH_FOLDER, ROOT].map((folder) => join(folder, 'node_modules'));
  const found = COMPARED.flatMap((name) => {
    const file = folders.map((folder) => join(folder, name, 'package.json')).find(existsSync);
    if (file === undefined) return [];
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return [`${name} ${version}`];
  });
  return found.join(', ');
}

/** Makes the tables of the SDK's store, with the tool that comes with it. */
export function migrate(databaseFile: string): void {
  const tool = join(BENCH_FOLDER, 'node_modules/.bin/a2a-db');
  const { status, stderr } = spawnSync(tool, ['upgrade', '--url', `sqlite:${databaseFile}`], {
    cwd: BENCH_FOLDER,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`a2a-db could not make its tables: ${stderr.slice(-500)}`);
}
