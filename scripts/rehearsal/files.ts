import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of all files below a folder, one character for a byte: to look for what must not be there. */
export const bytesBelow = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('\n');
