import { expect } from 'chai';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AgentLoadError, loadAgent } from '../../server/agents/load-agent.ts';

describe('loadAgent', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-agent-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function write(name: string, source: string): Promise<string> {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, source);
    return path;
  }

  async function failure(specifier: string): Promise<string> {
    const error: unknown = await loadAgent(specifier, folder).catch((caught: unknown) => caught);
    if (!(error instanceof AgentLoadError)) throw new Error('it loaded', { cause: error });
    return error.message;
  }

  const EXECUTE = 'async execute() { return this.name; }';
  for (const [shape, name, source] of [
    ['an object as default', 'a.mjs', `export default { name: 'found', ${EXECUTE} };`],
    ['a class as default', 'b.mjs', `export default class { name = 'found'; ${EXECUTE} }`],
    ['a factory as default', 'c.mjs', `export default () => ({ name: 'found', ${EXECUTE} });`],
    [
      'an async factory called agent',
      'd.mjs',
      `export const agent = async () => ({ name: 'found', ${EXECUTE} });`,
    ],
    ['an object called executor', 'e.mjs', `export const executor = { name: 'found', ${EXECUTE} };`],
    ['what CommonJS exports', 'f.cjs', `module.exports = { name: 'found', ${EXECUTE} };`],
    ['a member that CommonJS exports', 'g.cjs', `exports['ag' + 'ent'] = { name: 'found', ${EXECUTE} };`],
  ] as const) {
    it(`takes ${shape}, by a path relative to the working folder`, async () => {
      await write(name, source);
      const agent = (await loadAgent(`./${name}`, folder)) as unknown as { execute(): Promise<string> };
      expect(await agent.execute()).to.equal('found');
    });
  }

  it('takes an absolute path, a file URL and a package of the working folder', async () => {
    const path = await write('node_modules/my-agent/index.js', `module.exports = { ${EXECUTE} };`);
    for (const specifier of [path, pathToFileURL(path).href, 'my-agent']) {
      expect(await loadAgent(specifier, folder)).to.have.property('execute');
    }
  });

  it('says what is wrong with a module that is missing, broken, or has no agent', async () => {
    expect(await failure('./missing.mjs')).to.match(
      /^A2A_AGENT: cannot load \.\/missing\.mjs: Cannot find module/,
    );
    expect(await failure('no-such-package')).to.match(
      /^A2A_AGENT: cannot load no-such-package: Cannot find package/,
    );
    await write('throws.mjs', `throw new Error('no model key');`);
    expect(await failure('./throws.mjs')).to.equal('A2A_AGENT: cannot load ./throws.mjs: no model key');
    await write('none.mjs', `export default 5; export const agent = { run() {} };`);
    expect(await failure('./none.mjs')).to.contain('must export an agent (an object with execute');
    await write('factory.mjs', `export default () => { throw new Error('no model key'); };`);
    expect(await failure('./factory.mjs')).to.equal(
      'A2A_AGENT: ./factory.mjs could not make its agent: no model key',
    );
    await write('empty.mjs', `export default () => undefined;`);
    expect(await failure('./empty.mjs')).to.contain('must export an agent');
  });
});
