import { expect } from 'chai';
import { readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { changeKeyFile, type KeyEntry, KeyFileError, readKeyFile } from '../../../server/cli/key-file.ts';
import { makeKey } from '../../../server/cli/made-key.ts';
import { useFolder } from '../../helpers/files.ts';

const newEntry = (): KeyEntry => {
  const { id, salt, hash } = makeKey();
  return { id, salt, hash, tenant: 'acme', subject: 'ada' };
};

describe('the file of keys', () => {
  const folder = useFolder();
  const path = (): string => join(folder.path, 'keys.json');
  const add = (entry: KeyEntry): Promise<void> => changeKeyFile(path(), (entries) => [...entries, entry]);

  it('has every key of many that are added at once, and is whole whenever it is read', async () => {
    const entries = Array.from({ length: 20 }, newEntry);
    const writing = { isDone: false };
    const reading = (async () => {
      let reads = 0;
      while (!writing.isDone) {
        const { rows } = await readKeyFile(path(), true);
        expect(rows.length).to.be.at.most(20);
        reads++;
      }
      return reads;
    })();
    await Promise.all(entries.map(add));
    writing.isDone = true;
    expect(await reading).to.be.above(1);
    const { rows } = await readKeyFile(path());
    expect(rows.map(({ id }) => id)).to.have.members(entries.map(({ id }) => id));
    expect(readdirSync(folder.path)).to.deep.equal(['keys.json']);
  });

  it('is not made in the place of a link that leads nowhere, or to itself', async () => {
    for (const target of [join(folder.path, 'gone.json'), path()]) {
      symlinkSync(target, path());
      const error: unknown = await add(newEntry()).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(KeyFileError);
      expect((error as Error).message).to.match(
        /keys\.json is a link that leads nowhere \((?:ENOENT|ELOOP)\)$/,
      );
      expect(readdirSync(folder.path)).to.deep.equal(['keys.json']);
      expect(readlinkSync(path())).to.equal(target);
      rmSync(path());
    }
  });

  it('waits for who is changing it', async () => {
    writeFileSync(`${path()}.lock`, '');
    let isChanged = false;
    const changing = changeKeyFile(path(), (entries) => {
      isChanged = true;
      return [...entries, newEntry()];
    });
    // As long as it takes where nobody else is at it.
    for (let i = 0; i < 3; i += 1)
      await changeKeyFile(join(folder.path, `${i}.json`), (entries) => [...entries, newEntry()]);
    expect(isChanged).to.equal(false);
    rmSync(`${path()}.lock`);
    await changing;
    expect(isChanged).to.equal(true);
  });

  it('stays as it was when a change fails, and takes the next one', async () => {
    await add(newEntry());
    const before = readFileSync(path(), 'utf8');
    for (const change of [
      () => {
        throw new Error('no');
      },
      (entries: readonly KeyEntry[]) => [...entries, ...entries],
      () => [],
    ]) {
      const error: unknown = await changeKeyFile(path(), change).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(Error);
      expect(readFileSync(path(), 'utf8')).to.equal(before);
      expect(readdirSync(folder.path)).to.deep.equal(['keys.json']);
    }
    await add(newEntry());
    expect((await readKeyFile(path())).rows).to.have.length(2);
  });

  it('takes a first key when it has none', async () => {
    writeFileSync(path(), '{ "keys": [] }');
    await add(newEntry());
    expect((await readKeyFile(path())).rows).to.have.length(1);
  });
});
