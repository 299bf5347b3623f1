import { expect } from 'chai';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AgentFormat, formatOf } from '../../server/agents/agent-format.ts';
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
    [
      'a class whose methods are members of its objects',
      'h.mjs',
      `export default class { name = 'found'; execute = ${EXECUTE.replace('execute', 'function')} }`,
    ],
    [
      'the only class of agents that it exports',
      'i.mjs',
      `export class Mine { name = 'found'; ${EXECUTE} }; export class Other {}; export const x = 1;`,
    ],
    ['a member that CommonJS exports', 'g.cjs', `exports['ag' + 'ent'] = { name: 'found', ${EXECUTE} };`],
  ] as const) {
    it(`takes ${shape}, by a path relative to the working folder`, async () => {
      await write(name, source);
      const agent = (await loadAgent(`./${name}`, folder)) as unknown as { execute(): Promise<string> };
      expect(await agent.execute()).to.equal('found');
    });
  }

  describe('says how an agent reads', () => {
    const sdk = (version: string, at = '.'): Promise<string> =>
      write(`${at}/node_modules/@a2a-js/sdk/package.json`, JSON.stringify({ name: '@a2a-js/sdk', version }));
    const format = async (name: string, asked?: AgentFormat | 'auto'): Promise<string> =>
      formatOf(await loadAgent(name, folder, asked));

    it('as JSON where no SDK is to be found', async () => {
      await write('a.mjs', `export default { ${EXECUTE} };`);
      expect(await format('./a.mjs')).to.equal('json');
    });

    it('as the SDK has it that its module would import', async () => {
      await write('inner/a.mjs', `export default { ${EXECUTE} };`);
      await write('inner/b.mjs', `export default { ${EXECUTE} };`);
      await write('c.mjs', `export default { ${EXECUTE} };`);
      await sdk('1.3.0');
      expect(await format('./inner/a.mjs')).to.equal('sdk-1');
      await sdk('0.3.14', 'inner');
      expect(await format('./inner/b.mjs')).to.equal('sdk-0.3');
      expect(await format('./c.mjs')).to.equal('sdk-1');
      await write('node_modules/my-agent/index.js', `module.exports = { ${EXECUTE} };`);
      expect(await format('my-agent')).to.equal('sdk-1');
    });

    it('as the file itself has it, and not a link to it', async () => {
      const path = await write('real/a.mjs', `export default { ${EXECUTE} };`);
      await sdk('0.3.14', 'real');
      await sdk('1.3.0');
      await symlink(path, join(folder, 'link.mjs'));
      expect(await format('./link.mjs')).to.equal('sdk-0.3');
    });

    it('as the agent says of itself, where it says something that is known', async () => {
      await sdk('1.3.0');
      await write('a.mjs', `export default { format: 'json', ${EXECUTE} };`);
      await write('b.mjs', `export default class { format = 'sdk-0.3'; ${EXECUTE} }`);
      await write('c.mjs', `export default { format: 'markdown', ${EXECUTE} };`);
      expect(await format('./a.mjs')).to.equal('json');
      expect(await format('./b.mjs')).to.equal('sdk-0.3');
      expect(await format('./c.mjs')).to.equal('sdk-1');
    });

    it('as it is asked to, whatever else there is', async () => {
      await sdk('1.3.0');
      await write('a.mjs', `export default { format: 'json', ${EXECUTE} };`);
      expect(await format('./a.mjs', 'sdk-0.3')).to.equal('sdk-0.3');
      expect(await format('./a.mjs', 'auto')).to.equal('json');
    });
  });

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
    await write('two.mjs', `export class A { ${EXECUTE} } export class B { ${EXECUTE} }`);
    expect(await failure('./two.mjs')).to.contain('or one class with execute');
    await write('factory.mjs', `export default () => { throw new Error('no model key'); };`);
    expect(await failure('./factory.mjs')).to.equal(
      'A2A_AGENT: ./factory.mjs could not make its agent: no model key',
    );
    await write('empty.mjs', `export default () => undefined;`);
    expect(await failure('./empty.mjs')).to.contain('must export an agent');
  });
});
