/**
 * Builds dist/. With --if-stale only when dist is missing or older than the sources: `npm start` calls it so.
 * Plain JavaScript, because it runs before anything is built and where no development dependency is installed.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
/** Written when a build has succeeded: the compiler leaves the dates of files that did not change. */
const stamp = join(dist, '.built');
const sources = ['protocol', 'server', 'tsconfig.json', 'tsconfig.build.json'];

function newest(path) {
  if (!existsSync(path)) return 0;
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  // The folder's own date counts too: it is what a deleted file changes.
  return Math.max(mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}

function isStale() {
  return (
    !existsSync(stamp) ||
    Math.max(...sources.map((name) => newest(join(root, name)))) > statSync(stamp).mtimeMs
  );
}

function findCompiler() {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc');
  } catch {
    return undefined;
  }
}

function build() {
  const compiler = findCompiler();
  const isBuilt = existsSync(join(dist, 'server/main.js'));
  if (compiler === undefined && isBuilt) return 0;
  if (compiler === undefined) {
    process.stderr.write('dist/ is missing and so is the compiler: run npm ci\n');
    return 1;
  }
  rmSync(dist, { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status === 0) writeFileSync(stamp, '');
  return status ?? 1;
}

if (!process.argv.includes('--if-stale') || isStale()) process.exitCode = build();
