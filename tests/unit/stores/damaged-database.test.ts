import { expect } from 'chai';
import { open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { DATABASE_FILE, LmdbSessionStore } from '../../../server/stores/lmdb/lmdb-store.ts';
import { errorOf, refOf, Writer } from '../../contract/harness.ts';
import { useFolder } from '../../helpers/files.ts';

const SESSIONS = 50;
const PAGE = 4_096;

describe('the file of the lmdb store', () => {
  const folder = useFolder();
  const path = (): string => join(folder.path, DATABASE_FILE);
  const start = (): Promise<LmdbSessionStore> =>
    LmdbSessionStore.open({ folder: folder.path, pid: process.pid });
  const write = async (at: number, bytes: Buffer): Promise<void> => {
    const file = await open(path(), 'r+');
    await file.write(bytes, 0, bytes.length, at);
    await file.close();
  };

  beforeEach(async () => {
    const store = await start();
    for (let n = 1; n <= SESSIONS; n += 1) {
      const writer = new Writer(store, refOf(`s${n}`));
      await writer.create([JSON.stringify({ text: 'long '.repeat(600) })]);
    }
    await store.close();
  });

  for (const [how, damage] of Object.entries({
    'lost its beginning': () => write(0, Buffer.alloc(2 * PAGE)),
    'was cut in half': async () => truncate(path(), Math.floor((await stat(path())).size / 2)),
    'is another file': async () => {
      await truncate(path(), 0);
      await write(0, Buffer.from('no such thing'));
    },
  })) {
    it(`ends the start, and says so, when it ${how}`, async () => {
      await damage();
      expect(String(await errorOf(start()))).to.equal(
        `DamagedFileError: ${DATABASE_FILE} is damaged, move it away`,
      );
      // The folder is free again.
      expect(String(await errorOf(start()))).to.match(/^DamagedFileError/);
    });
  }
});
