import { existsSync, readFileSync } from 'node:fs';

/** Version in package.json, which lies one folder up in the sources and two in the build. */
export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    const file = new URL(path, import.meta.url);
    if (!existsSync(file)) continue;
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return version;
  }
  throw new Error('package.json is missing beside the server');
}
