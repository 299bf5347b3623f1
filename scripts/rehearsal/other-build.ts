import assert from 'node:assert/strict';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = new URL('../../', import.meta.url).pathname;
const KNOWS = 'Object.hasOwn(FIELDS, value[';

/**
 * Another release of the same program, in a folder of its own.
 *
 * @param unknown type of records that it has never heard of
 * @returns the program to start
 */
export function otherBuild(folder: string, version: string, unknown?: string): { readonly main: string } {
  const home = join(folder, `holdfast-${version}`);
  cpSync(join(ROOT, 'dist'), join(home, 'dist'), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(home, 'node_modules'));
  const about = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as object;
  writeFileSync(join(home, 'package.json'), JSON.stringify({ ...about, version }));
  if (unknown !== undefined) forget(join(home, 'dist/server/sessions/stored-json.js'), unknown);
  return { main: join(home, 'dist/server/main.js') };
}

function forget(path: string, type: string): void {
  const source = readFileSync(path, 'utf8');
  assert.equal(source.split(KNOWS).length, 2, `${path} decides elsewhere which types of records it knows`);
  writeFileSync(path, source.replace(KNOWS, `value['t'] !== '${type}' && ${KNOWS}`));
}
