/** What was erased is gone: from the store, from every instance, and from what waits on disks. */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OUTAGE_FILE } from '../../server/stores/lmdb/outage-journal.ts';
import { eventually } from '../helpers/eventually.ts';
import { useFiles } from '../helpers/files.ts';
import { keysFile, withKey } from '../helpers/keys.ts';
import { nothingPending, useOutage } from '../helpers/outage.ts';
import { hearOutputOf } from '../helpers/overheard.ts';
import { call, type RpcReply, sendV1, V1 } from '../helpers/rpc.ts';
import type { ServerProcess } from '../helpers/server.ts';
import { SseClient } from '../helpers/sse.ts';

const MAIN = new URL('../../dist/server/main.js', import.meta.url).pathname;
const { NODE_V8_COVERAGE } = process.env;
const COVERAGE: Record<string, string> = NODE_V8_COVERAGE === undefined ? {} : { NODE_V8_COVERAGE };
const NOT_FOUND = -32001;

interface Report {
  readonly sessions: number;
  readonly tasks: number;
  readonly cachedSessions: number;
  readonly waitingRecords: number;
  readonly instances: number;
  readonly unanswered: readonly string[];
}

describe('erasure', function () {
  this.timeout(60_000);
  const files = useFiles();
  const outage = useOutage();
  const keys = files.write(
    'keys.json',
    keysFile(
      { key: 'admin-key', tenant: 'acme', subject: 'root', roles: ['admin'] },
      { key: 'ann-key', tenant: 'acme', subject: 'ann' },
      { key: 'bob-key', tenant: 'acme', subject: 'bob' },
      { key: 'other-key', tenant: 'other' },
    ),
  );
  const env = (): Record<string, string> => ({ A2A_API_KEYS_FILE: keys, A2A_DEAD_SECONDS: '1' });
  const serve = (journal: string): Promise<ServerProcess> =>
    outage.serve({ ...env(), A2A_OUTAGE_JOURNAL_DIR: join(outage.redis.folder, journal) });

  let sent = 0;
  /** @returns the id of its task */
  async function send({ url }: ServerProcess, key: string, contextId: string, text: string): Promise<string> {
    const reply = await call(url, 'SendMessage', sendV1(`m${(sent += 1)}`, text, contextId), {
      ...V1,
      ...withKey(key),
    });
    return (reply.json.result as { task: { id: string } }).task.id;
  }
  const get = ({ url }: ServerProcess, key: string, id: string): Promise<RpcReply> =>
    call(url, 'GetTask', { id }, { ...V1, ...withKey(key) });
  const expectGone = async (server: ServerProcess, key: string, ids: readonly string[]): Promise<void> => {
    for (const id of ids) expect((await get(server, key, id)).json.error?.code, id).to.equal(NOT_FOUND);
  };
  async function erase({ url }: ServerProcess, target: object): Promise<Report> {
    const response = await fetch(new URL('/admin/erasures', url), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...withKey('admin-key') },
      body: JSON.stringify(target),
    });
    expect(response.status).to.equal(200);
    return (await response.json()) as Report;
  }
  async function eraseByCommand(...args: string[]): Promise<Report> {
    const REDIS_URL = `unix://${outage.redis.path}`;
    const child = spawn(process.execPath, [MAIN, 'erase', ...args, '--yes', '--json'], {
      env: { ...COVERAGE, ...env(), REDIS_URL },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    hearOutputOf(child);
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).to.equal(0);
    return JSON.parse(out) as Report;
  }
  /** Key and everything in it, one a line. */
  async function dump(): Promise<string[]> {
    const lines: string[] = [];
    for (const key of await outage.client.keys('*')) {
      const type = await outage.client.type(key);
      const content =
        type === 'hash'
          ? await outage.client.hgetall(key)
          : type === 'zset'
            ? await outage.client.zrange(key, 0, -1)
            : await outage.client.get(key);
      lines.push(`${key} ${JSON.stringify(content)}`);
    }
    return lines;
  }

  it('of a tenant reaches every instance, also one that was paused, and no neighbour', async () => {
    const [first, second, paused] = await Promise.all(['one', 'two', 'three'].map(serve));
    const servers = [first!, second!, paused!];
    const erased = await Promise.all(
      ['a1', 'a2'].map((context) => send(first!, 'ann-key', context, `planted ${context}`)),
    );
    const kept = await send(first!, 'other-key', 'a1', 'planted neighbour');
    for (const server of servers) {
      for (const id of erased) expect((await get(server, 'bob-key', id)).text).to.contain('planted');
      expect((await get(server, 'other-key', kept)).text).to.contain('planted');
    }
    const stream = await SseClient.open(
      second!.url,
      { jsonrpc: '2.0', id: 1, method: 'SendStreamingMessage', params: sendV1('s1', 'slow 2000 20', 'a3') },
      { ...V1, ...withKey('ann-key') },
    );
    await stream.until(() => stream.events.length > 0);
    const { id: running } = stream.results[0]?.['task'] as { id: string };
    paused!.signal('SIGSTOP');
    const silent = async (): Promise<number> => {
      const [seconds] = await outage.client.time();
      return outage.client.zcount('a2a:1:{reg}:instances', 1, (Number(seconds) - 2) * 1_000);
    };
    await eventually(async () => (await silent()) === 1, 10_000);

    const report = await erase(first!, { tenant: 'acme' });
    expect(report).to.include({ sessions: 3, tasks: 3, waitingRecords: 0, instances: 2 });
    // the one of the running task may have found out by itself
    expect(report.cachedSessions).to.be.within(4, 5);
    expect(report.unanswered).to.have.length(1);
    await stream.toEnd();
    expect(stream.isComplete).to.equal(true);
    for (const server of [first!, second!]) await expectGone(server, 'bob-key', [...erased, running]);
    paused!.signal('SIGCONT');
    // until it has heard of it, memory answers where the store is slow
    await paused!.logs.next('erasure_carried_out');
    await expectGone(paused!, 'ann-key', [...erased, running]);
    for (const server of servers) expect((await get(server, 'other-key', kept)).text).to.contain('planted');

    const left = (await dump()).filter((line) => /planted (?!neighbour)|\ba[123]\b|chunk/.test(line));
    const strange = left.filter((line) => !/^a2a:1:\{(acme\.00\}:s:a[123]|other\.00\}:)/.test(line));
    expect(strange).to.deep.equal([]);
    for (const line of left.filter((found) => found.includes('{acme'))) expect(line).to.not.contain('"1":');
    expect(await erase(first!, { tenant: 'acme' })).to.include({ sessions: 0, cachedSessions: 0 });
  });

  it('reaches what an outage journal holds, before it is stored', async () => {
    const onDisk = (): string => readFileSync(join(outage.redis.folder, 'one', OUTAGE_FILE), 'latin1');
    const first = await serve('one');
    const known = await send(first, 'ann-key', 'known', 'before');
    await outage.redis.kill();
    await send(first, 'ann-key', 'known', 'planted known');
    await send(first, 'ann-key', 'begun', 'planted begun');
    const kept = await send(first, 'bob-key', 'neighbour', 'kept');
    await first.kill9();
    await outage.redis.start();
    expect(await eraseByCommand('--tenant', 'acme', '--subject', 'ann')).to.include({
      sessions: 1,
      tasks: 1,
    });
    expect(onDisk()).to.contain('planted');
    const second = await serve('one');
    await nothingPending(second.url);
    await expectGone(second, 'ann-key', [known]);
    expect((await get(second, 'bob-key', kept)).text).to.contain('kept');
    expect((await dump()).filter((line) => line.includes('planted'))).to.deep.equal([]);
    await second.logs.next('erasure_carried_out');
    expect(onDisk()).to.not.contain('planted');
    expect(
      second.logs
        .of('records_dropped')
        .map(({ sessionId, why }) => `${String(sessionId)} ${String(why)}`)
        .sort(),
    ).to.deep.equal(['begun erased', 'known deleted']);
  });

  it('of one session takes what waits for the store in a running instance', async () => {
    const first = await serve('one');
    const known = await send(first, 'ann-key', 'known', 'before');
    const kept = await send(first, 'ann-key', 'neighbour', 'before');
    expect(await erase(first, { tenant: 'acme', contextId: 'known' })).to.include({
      sessions: 1,
      cachedSessions: 1,
      instances: 1,
    });
    await expectGone(first, 'ann-key', [known]);
    expect((await get(first, 'ann-key', kept)).text).to.contain('before');
    // the id is free again
    const again = await send(first, 'ann-key', 'known', 'anew');
    expect((await get(first, 'ann-key', again)).text).to.contain('anew');
  });
});
