import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bytes } from '../../../protocol/units.ts';
import type { Finding } from '../finding.ts';
import { DATABASE_FILE } from './lmdb-store.ts';

const FREE_MIN_BYTES: Bytes = 1_073_741_824;
const MIB: Bytes = 1_048_576;

/** How a data folder is. What is in its file is looked at by whoever opens it. */
export async function examineFolder(folder: string): Promise<Finding[]> {
  const { size } = await stat(join(folder, DATABASE_FILE));
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const writable = await access(folder, constants.W_OK).then(
    () => true,
    () => false,
  );
  const room = `${Math.round(free / MIB)} MiB are free`;
  return [
    { check: 'database', level: 'ok', found: `${(size / MIB).toFixed(1)} MiB, can be read` },
    writable
      ? { check: 'data folder', level: 'ok', found: 'can be written' }
      : {
          check: 'data folder',
          level: 'fail',
          found: `${folder} cannot be written by this user`,
          change: 'run it as the user of the server, or give that user the folder',
        },
    free >= FREE_MIN_BYTES
      ? { check: 'disk', level: 'ok', found: room }
      : { check: 'disk', level: 'warn', found: room, change: 'make room: on a full disk nothing is stored' },
  ];
}
