/** Runs the agents that the documents print, each as a module of its own. */
import { expect } from 'chai';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatOf } from '../../server/agents/agent-format.ts';
import type { AgentExecutor } from '../../server/agents/agent-executor.ts';
import { loadAgent } from '../../server/agents/load-agent.ts';
import { createServer, type HoldfastServer } from '../../server/app.ts';
import { parseConfig } from '../../server/config.ts';
import { eventually } from '../helpers/eventually.ts';
import { get, send } from './operations/conversation.ts';

/** Name of the file -> source: a line with the name in backticks, and the code below it. */
async function agentsIn(path: string): Promise<Map<string, string>> {
  const text = await readFile(path, 'utf8');
  const blocks = [...text.matchAll(/^`([\w-]+\.mjs)`:\n\n```js\n(.*?)^```$/gms)];
  return new Map(blocks.map(([, name = '', source = '']) => [name, source]));
}

describe('an agent that the documents print', () => {
  let folder = '';
  let server: HoldfastServer | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-docs-'));
  });
  afterEach(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** @param sdk which one lies beside it: `real`, or a version that is not installed here */
  async function run(path: string, name: string, sdk?: string): Promise<[url: string, format: string]> {
    const source = (await agentsIn(path)).get(name);
    if (source === undefined) throw new Error(`${path} has no ${name}`);
    await writeFile(join(folder, name), source);
    const beside = join(folder, 'node_modules/@a2a-js');
    if (sdk !== undefined) await mkdir(beside, { recursive: true });
    if (sdk === 'real')
      await symlink(new URL('../../node_modules/@a2a-js/sdk', import.meta.url), join(beside, 'sdk'));
    else if (sdk !== undefined) {
      await mkdir(join(beside, 'sdk'));
      await writeFile(join(beside, 'sdk/package.json'), JSON.stringify({ version: sdk }));
    }
    const agent = await loadAgent(`./${name}`, folder);
    return [await serve(agent, { A2A_STORE: 'memory', A2A_DRAIN_SECONDS: '1' }), formatOf(agent)];
  }

  async function serve(agent: AgentExecutor, env: Record<string, string>): Promise<string> {
    server = await createServer(parseConfig({ PORT: '0', ...env }), { agent });
    return (await server.listen()).url;
  }

  it('in the README keeps its list', async () => {
    const [url, format] = await run('README.md', 'todo-agent.mjs');
    expect(format).to.equal('json');
    await send(url, 'v1', 'milk', { session: 's' });
    expect((await send(url, 'v1', 'bread', { session: 's' })).artifacts).to.deep.equal(['milk, bread']);
  });

  it('in JSON keeps its list, asks, and is JSON although the SDK is there', async () => {
    const [url, format] = await run('docs/agents.md', 'todo.mjs', 'real');
    expect(format).to.equal('json');
    const asked = await send(url, 'v1', '', { session: 's' });
    expect(asked).to.include({ state: 'input-required', says: 'What is to be done?' });
    expect(await send(url, 'v1', 'milk', { task: asked.id })).to.include({ state: 'completed' });
    const { reply } = await send(url, 'v1', 'bread', { session: 's' });
    expect(reply.json.result).to.have.deep.nested.property('task.artifacts[0].parts', [
      { text: 'milk, bread' },
      { data: ['milk', 'bread'] },
    ]);
  });

  it('for the 1.x line counts down', async () => {
    const [url, format] = await run('docs/agents.md', 'countdown.mjs', 'real');
    expect(format).to.equal('sdk-1');
    const { state, reply } = await send(url, 'v1', '3');
    expect(state).to.equal('completed');
    expect(reply.json.result).to.have.deep.nested.property('task.artifacts[0].parts', [
      { text: '3' },
      { text: '2' },
      { text: '1' },
    ]);
  });

  it('for the 0.3 line says what it was told', async () => {
    const [url, format] = await run('docs/agents.md', 'parrot.mjs', '0.3.14');
    expect(format).to.equal('sdk-0.3');
    for (const dialect of ['v1', 'v03', 'v01'] as const)
      expect((await send(url, dialect, 'hello')).artifacts).to.deep.equal(['hello']);
  });

  it('goes on where it was when its server is stopped and started again', async () => {
    const [, format] = await run('docs/agents.md', 'copyist.mjs');
    expect(format).to.equal('json');
    await server?.close();
    const agent = await loadAgent('./copyist.mjs', folder);
    const env = { A2A_STORE: 'lmdb', A2A_DATA_DIR: join(folder, 'data'), A2A_DRAIN_SECONDS: '0' };
    const first = await serve(agent, env);
    const words = Array.from({ length: 12 }, (_, n) => `word${n}`);
    const { id } = await send(first, 'v1', words.join(' '), { blocking: false });
    await eventually(async () => ((await get(first, 'v1', id)).artifacts[0] ?? '').includes('word2'));
    await server?.close();
    const second = await serve(agent, env);
    await eventually(async () => (await get(second, 'v1', id)).state === 'completed');
    const { artifacts, reply } = await get(second, 'v1', id);
    expect(artifacts.join('').match(/word\d+/g)).to.deep.equal(words);
    expect(reply.status).to.equal(200);
  });

  it('is one of those that are run here', async () => {
    const names = [...(await agentsIn('docs/agents.md')).keys(), ...(await agentsIn('README.md')).keys()];
    expect(names).to.deep.equal(['todo.mjs', 'countdown.mjs', 'parrot.mjs', 'copyist.mjs', 'todo-agent.mjs']);
  });
});
