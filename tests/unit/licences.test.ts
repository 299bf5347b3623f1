import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { notAllowed, thirdPartyIn, toDocument } from '../../scripts/licences.ts';

describe('the licences of what is installed with Holdfast', () => {
  const read = async () =>
    thirdPartyIn(
      JSON.parse(await readFile('package-lock.json', 'utf8')) as Parameters<typeof thirdPartyIn>[0],
    );

  it('are all allowed, and listed', async () => {
    const packages = await read();
    const { dependencies } = JSON.parse(await readFile('package.json', 'utf8')) as { dependencies: object };
    expect(packages.map(({ name }) => name)).to.include.members(Object.keys(dependencies));
    expect(notAllowed(packages)).to.deep.equal([]);
    expect(await readFile('docs/third-party.md', 'utf8')).to.equal(toDocument(packages));
  });

  it('are found fault with when they are others or none, wherever the package lies', () => {
    const packages = thirdPartyIn({
      packages: {
        '': { version: '1.0.0', license: 'GPL-3.0-only' },
        'node_modules/b': { version: '1.0.0', license: 'MIT' },
        'node_modules/b/node_modules/@x/c': { version: '2.0.0', license: 'GPL-3.0-only' },
        'node_modules/a': { version: '3.0.0' },
        'node_modules/for-tests': { version: '1.0.0', license: 'GPL-3.0-only', dev: true },
      },
    });
    expect(packages.map(({ name }) => name)).to.deep.equal(['@x/c', 'a', 'b']);
    expect(notAllowed(packages)).to.deep.equal(['@x/c@2.0.0: GPL-3.0-only', 'a@3.0.0: no licence']);
  });
});
