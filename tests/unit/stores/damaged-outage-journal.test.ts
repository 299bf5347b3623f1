import { expect } from 'chai';
import { open, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { toDecided } from '../../../server/sessions/records.ts';
import { LmdbOutageJournal, OUTAGE_FILE } from '../../../server/stores/lmdb/outage-journal.ts';
import { useFolder } from '../../helpers/files.ts';
import { refOf, say } from '../../helpers/sessions.ts';
import { Session } from '../../../server/sessions/session.ts';

const CHANGES = 20;
const PAGE = 4_096;

describe('the file of an outage journal', () => {
  const folder = useFolder();
  const failures: unknown[] = [];
  const path = (): string => join(folder.path, OUTAGE_FILE);
  const start = (): Promise<LmdbOutageJournal> =>
    LmdbOutageJournal.open({
      folder: folder.path,
      pid: 1,
      mono: () => performance.now(),
      onFailure: (error) => failures.push(error),
    });
  const write = async (at: number, bytes: Buffer): Promise<void> => {
    const file = await open(path(), 'r+');
    await file.write(bytes, 0, bytes.length, at);
    await file.close();
  };

  beforeEach(async () => {
    const journal = await start();
    const base = { epoch: 'e', createEpoch: '', tombstone: '' };
    for (let seq = 1; seq <= CHANGES; seq += 1) {
      const [body] = say('t1', 'long '.repeat(600))(new Session(refOf(), 'e'), 0);
      if (body === undefined) throw new Error('nothing was said');
      const records = [toDecided({ instance: 'i1', seq }, body)];
      await journal.keep(refOf(), base, [{ records, at: 0, slides: true }]);
    }
    await journal.close();
    expect(failures).to.deep.equal([]);
  });

  it('is read whole, and once', async () => {
    const journal = await start();
    expect((await journal.left()).map(({ changes }) => changes.length)).to.deep.equal([CHANGES]);
    expect(await journal.left()).to.deep.equal([]);
    await journal.close();
  });

  for (const [how, damage] of Object.entries({
    'was cut in half': async () => truncate(path(), Math.floor((await stat(path())).size / 2)),
    'lost its beginning': () => write(0, Buffer.alloc(2 * PAGE)),
    'has something else in its middle': () => write(3 * PAGE, Buffer.alloc(4 * PAGE, 0xa5)),
    'is another file': async () => {
      await truncate(path(), 0);
      await write(0, Buffer.from('no such thing'));
    },
  })) {
    it(`ends the start, and says so, when it ${how}`, async () => {
      await damage();
      const error = await start().then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(String(error)).to.equal(`DamagedFileError: ${OUTAGE_FILE} is damaged, move it away`);
      // The folder is free again.
      expect(String(await start().catch((reason: unknown) => reason))).to.match(/^DamagedFileError/);
    });
  }
});
