import { expect } from 'chai';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { watchFile } from '../../server/build-rereads.ts';
import { FileProblemsError, readApiKeys } from '../../server/config-files.ts';
import { useFolder } from '../helpers/files.ts';

describe('a file that is read again', () => {
  const folder = useFolder();
  let told: string[] = [];
  /** What the next reads throw. */
  let problems: FileProblemsError[] = [];
  beforeEach(() => {
    told = [];
    problems = [];
    writeFileSync(path(), 'old');
  });

  const path = (): string => join(folder.path, 'keys.json');
  const watch = (): Promise<() => Promise<string | undefined>> =>
    watchFile({
      path: path(),
      read: () => {
        const problem = problems.shift();
        if (problem !== undefined) throw problem;
        return 'read';
      },
      onRead: (value) => told.push(value),
      onRefused: (why) => told.push(...why),
    });

  it('is tried again until it can be read, and the operator is told once', async () => {
    const reread = await watch();
    writeFileSync(path(), 'revoked');
    const unread = (): FileProblemsError => new FileProblemsError(['cannot be read: EMFILE'], true);
    problems = [unread(), unread()];
    expect(await reread()).to.equal(undefined);
    expect(await reread()).to.equal(undefined);
    expect(await reread()).to.equal('read');
    expect(await reread()).to.equal(undefined);
    expect(told).to.deep.equal(['cannot be read: EMFILE', 'read']);
  });

  it('is not looked at again while it is broken as it was', async () => {
    const reread = await watch();
    writeFileSync(path(), 'broken');
    problems = [new FileProblemsError(['is not JSON'])];
    expect(await reread()).to.equal(undefined);
    expect(await reread()).to.equal(undefined);
    writeFileSync(path(), 'broken again');
    problems = [new FileProblemsError(['is not JSON'])];
    expect(await reread()).to.equal(undefined);
    expect(told).to.deep.equal(['is not JSON', 'is not JSON']);
  });

  it('is known to be unread when it cannot be opened, and not when it is no good', () => {
    const isUnread = (file: string): boolean | undefined => {
      try {
        readApiKeys(file);
      } catch (error) {
        if (error instanceof FileProblemsError) return error.isUnread;
      }
      return undefined;
    };
    expect(isUnread(join(folder.path, 'none.json'))).to.equal(true);
    expect(isUnread(folder.path)).to.equal(true);
    expect(isUnread(path())).to.equal(false);
  });
});
