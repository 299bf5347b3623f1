/** Sessions without a server, and the programs that the documents print. */
import { expect } from 'chai';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openSessions, parseConfig, StartError, type Decide, type OpenSessions } from '../../server/index.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { eventually } from '../helpers/eventually.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { useRedis } from '../helpers/redis.ts';
import { begin, refOf, textsOf } from '../helpers/sessions.ts';
import { get, send } from './operations/conversation.ts';

const EXAMPLES = new URL('../../docs/examples/', import.meta.url).pathname;

describe('sessions as a library', () => {
  const redis = useRedis({ appendonly: true });
  let folder = '';
  const opened: OpenSessions[] = [];
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-library-'));
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(({ close }) => close()));
    for (const child of children.splice(0)) child.kill('SIGKILL');
    await redis.server.start();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(env: Record<string, string>, parts: Parameters<typeof openSessions>[1] = {}) {
    const made = await openSessions(parseConfig(env), parts);
    opened.push(made);
    return made;
  }

  async function change({ sessions }: OpenSessions, decide: Decide): Promise<string> {
    const session = await sessions.open(refOf(), 'create');
    if (session === undefined) throw new Error('a session that may be new is always there');
    try {
      return await session.change(decide);
    } finally {
      sessions.release(session);
    }
  }

  async function textsIn({ sessions }: OpenSessions): Promise<string[]> {
    const session = await sessions.open(refOf(), 'existing');
    if (session === undefined) return [];
    sessions.release(session);
    return textsOf(session.view);
  }

  it('are read back by the next one that opens the same folder, which nobody else may meanwhile', async () => {
    const env = { A2A_DATA_DIR: folder };
    const first = await open(env, { pid: process.pid });
    expect(first).to.include({ storeKind: 'lmdb', storeLocation: folder });
    expect(await change(first, begin('t1', 'hello'))).to.equal('stored');
    const refusal = await openSessions(parseConfig(env)).catch((error: unknown) => error);
    expect(refusal).to.be.instanceOf(StartError).with.property('message').that.contains(String(process.pid));
    expect(await first.close()).to.deep.equal({ pendingRecords: 0 });
    expect(await textsIn(await open(env))).to.deep.equal(['hello']);
  });

  it('live in a store that is handed in', async () => {
    const store = new MemorySessionStore(Date.now);
    const made = await open({ A2A_STORE: 'lmdb', A2A_DATA_DIR: join(folder, 'not-there') }, { store });
    expect(await change(made, begin('t1', 'hello'))).to.equal('stored');
    expect(await store.read(refOf())).to.include({ found: true });
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('go on from memory while Redis is away, are stored when it is back, and say what is not', async () => {
    const logs = new LogLines();
    const env = (drain: string) => ({
      REDIS_URL: `unix://${redis.server.path}`,
      A2A_KEY_PREFIX: redis.prefix,
      A2A_DRAIN_SECONDS: drain,
    });
    const patient = await open(env('20'), { logDestination: logs });
    const hasty = await open(env('0'));
    expect(await change(patient, begin('t1', 'stored'))).to.equal('stored');
    expect(await textsIn(hasty)).to.deep.equal(['stored']);
    await redis.server.kill();
    await logs.next('store_unavailable');
    expect(await change(patient, begin('t2', 'kept'))).to.equal('deferred');
    expect(await change(hasty, begin('t3', 'lost'))).to.equal('deferred');
    expect(await hasty.close()).to.deep.equal({ pendingRecords: 2 });
    await redis.server.start();
    await eventually(() => patient.sessions.pending.records === 0);
    expect(await patient.close()).to.deep.equal({ pendingRecords: 0 });
    expect(logs.of('store_recovered')).to.have.lengthOf(1);
    expect(await textsIn(await open(env('0')))).to.deep.equal(['stored', 'kept']);
  });

  describe('in the examples', () => {
    const env = () => ({ PATH: process.env['PATH'], A2A_DATA_DIR: join(folder, 'data') });

    it('keep notes over restarts', async () => {
      const notes = async (...args: string[]) => {
        const program = [join(EXAMPLES, 'session-notes.mjs'), ...args];
        return (await promisify(execFile)(process.execPath, program, { env: env() })).stdout;
      };
      expect(await notes('shopping', 'milk')).to.equal('stored\n- milk\nshopping has 4 records\n');
      expect(await notes('shopping', 'two', 'eggs')).to.equal(
        'stored\n- milk\n- two eggs\nshopping has 7 records\n',
      );
    });

    it('serve an agent that counts on after a restart', async () => {
      const serve = async () => {
        const program = [join(EXAMPLES, 'embed-server.mjs')];
        const child = spawn(process.execPath, program, { env: { ...env(), PORT: '0' }, stdio: 'pipe' });
        children.push(child);
        let output = '';
        child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
        const url = await eventually(() => /^listens on (\S+)$/m.exec(output)?.[1] ?? false, 15_000);
        return { child, url: String(url) };
      };
      const first = await serve();
      const { id, artifacts } = await send(first.url, 'v1', 'hello', { session: 's' });
      expect(artifacts).to.deep.equal(['1: hello']);
      first.child.kill('SIGTERM');
      expect(await once(first.child, 'exit')).to.deep.equal([0, null]);
      const second = await serve();
      expect((await send(second.url, 'v1', 'again', { session: 's' })).artifacts).to.deep.equal(['2: again']);
      expect((await get(second.url, 'v1', id)).artifacts).to.deep.equal(['1: hello']);
    });

    it('are all that are there', async () => {
      expect(await readdir(EXAMPLES)).to.have.members(['embed-server.mjs', 'session-notes.mjs']);
    });
  });
});
