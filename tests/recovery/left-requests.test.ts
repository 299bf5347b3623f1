import { expect } from 'chai';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { useRedis } from '../helpers/redis.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';
import { newId, send, sendParams } from '../integration/operations/conversation.ts';

/** Longer than a connection to the store may be silent: woken up, the instance has to do without it for a moment. */
const PAUSE_MS = 2_500;
const EACH_WAY = 4;

interface Stored {
  readonly t: string;
  readonly message?: { readonly messageId: string };
}

describe('requests that lie in the sockets of a paused instance', function () {
  this.timeout(30_000);
  const redis = useRedis({ tcp: true });
  const processes = useServerProcesses();

  async function stored(): Promise<Stored[]> {
    const records: Stored[] = [];
    for (const key of await redis.client.keys(`${redis.prefix}*`)) {
      if ((await redis.client.type(key)) !== 'hash') continue;
      for (const value of await redis.client.hvals(key)) {
        if (value.startsWith('{"t":')) records.push(JSON.parse(value) as Stored);
      }
    }
    return records;
  }
  const messageIds = (records: readonly Stored[]): string[] =>
    records.flatMap(({ message, t }) =>
      t === 'message' && message !== undefined ? [message.messageId] : [],
    );

  async function connected({ url }: ServerProcess): Promise<Socket> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }

  async function write(socket: Socket, session: string, messageId: string): Promise<void> {
    const params = sendParams('v1', 'hello', { session, messageId });
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params });
    const head = [
      'POST /a2a HTTP/1.1',
      'Host: 127.0.0.1',
      'Content-Type: application/json',
      'A2A-Version: 1.0',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ];
    await new Promise((written) => socket.write(`${head.join('\r\n')}\r\n\r\n${body}`, written));
  }

  async function writeAndLeave(socket: Socket, session: string, messageId: string): Promise<void> {
    await write(socket, session, messageId);
    socket.destroy();
  }

  /** Answers, also to requests that came one behind the other on one connection. */
  async function answersTo(socket: Socket, count: number): Promise<string[]> {
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    const states = (): string[] => text.match(/TASK_STATE_\w+/g) ?? [];
    await eventually(() => states().length >= count, 10_000);
    socket.destroy();
    return states();
  }

  it('are answered when it wakes up, and not begun where their clients have left and were answered elsewhere', async () => {
    const serve = (): Promise<ServerProcess> =>
      processes.start({ ...redis.server.tcpEnv, A2A_KEY_PREFIX: redis.prefix }, redis.server.folder);
    const [paused, other] = await Promise.all([serve(), serve()]);
    const session = newId('s');
    for (const { url } of [paused, other]) await send(url, 'v1', 'begin', { session });
    const open = await Promise.all(Array.from({ length: EACH_WAY }, () => connected(paused)));
    const patient = await connected(paused);
    paused.signal('SIGSTOP');
    const stayed = [newId('stayed'), newId('stayed')];
    for (const messageId of stayed) await write(patient, session, messageId);
    const answers = answersTo(patient, stayed.length);
    const waking = delay(PAUSE_MS);
    open.push(...(await Promise.all(Array.from({ length: EACH_WAY }, () => connected(paused)))));
    const ids = open.map(() => newId('left'));
    await Promise.all(open.map((socket, i) => writeAndLeave(socket, session, ids[i] ?? '')));
    for (const messageId of ids) {
      const answer = await send(other.url, 'v1', 'hello', { session, messageId });
      expect(answer.state).to.equal('completed');
    }
    await waking;
    paused.signal('SIGCONT');
    expect(await answers).to.deep.equal(['TASK_STATE_COMPLETED', 'TASK_STATE_COMPLETED']);
    // Read behind all of them, and decided behind whatever was begun of them.
    expect((await send(paused.url, 'v1', 'last', { session, messageId: 'last' })).state).to.equal(
      'completed',
    );
    await eventually(async () => messageIds(await stored()).includes('last'), 10_000);
    const records = await stored();
    expect(
      messageIds(records)
        .filter((id) => id.startsWith('left'))
        .toSorted(),
    ).to.deep.equal(ids.toSorted());
    expect(messageIds(records)).to.include.members(stayed);
    expect(records.filter(({ t }) => t === 'task')).to.have.length(ids.length + stayed.length + 3);
  });
});
