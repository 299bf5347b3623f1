import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentFormat } from './agent-format.ts';

const SDK = '@a2a-js/sdk';

/**
 * How a module most likely reads: as the line of `@a2a-js/sdk` that it would import has it. Looked up by folders, because
 * types alone leave no import behind.
 *
 * @param url of the module
 * @returns undefined when no such package is to be found from there
 */
export function formatBeside(url: string): AgentFormat | undefined {
  if (!url.startsWith('file:')) return undefined;
  const version = versionBeside(url);
  if (version === undefined) return undefined;
  return version.startsWith('0.') ? 'sdk-0.3' : 'sdk-1';
}

function versionBeside(url: string): string | undefined {
  try {
    // Node looks beside the file itself, not beside a link to it.
    const file = realpathSync(fileURLToPath(url));
    for (const folder of createRequire(file).resolve.paths(SDK) ?? []) {
      const version = versionIn(join(folder, SDK, 'package.json'));
      if (version !== undefined) return version;
    }
  } catch {
    // A module that cannot be looked at this way has been loaded all the same.
  }
  return undefined;
}

function versionIn(path: string): string | undefined {
  try {
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
