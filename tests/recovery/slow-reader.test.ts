import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { eventually } from '../helpers/eventually.ts';
import { type ServerProcess, useServerProcesses } from '../helpers/server.ts';
import { newId, say, taskIn, textsOf } from '../conformance/said.ts';
import { type Frame, Wire } from '../conformance/wire.ts';

const MIB = 1_048_576;
const CHUNKS = 1024;
const CHUNK_BYTES = 64 * 1024;
const MORE_THAN_FAST: number = 8 * MIB;
const AGENT = new URL('agents/firehose.mjs', import.meta.url).pathname;

/** Opens a stream, reads its head, and then nothing. */
async function openAndStop(url: string, params: object): Promise<{ socket: Socket; head: string }> {
  const { hostname, port, pathname } = new URL(url);
  const body = JSON.stringify({ jsonrpc: '2.0', id: 's', method: 'SendStreamingMessage', params });
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nHost: ${hostname}\r\nA2A-Version: 1.0\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  let head = '';
  while (!/id: \S+\ndata: .*\n\n/.test(head)) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    head += bytes.toString();
  }
  socket.pause();
  return { socket, head };
}

describe('a reader that stops in the middle of 64 MB', function () {
  this.timeout(120_000);
  const processes = useServerProcesses();
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'slow-reader-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  async function start(): Promise<{ server: ServerProcess; client: Wire }> {
    const server = await processes.start(
      {
        A2A_STORE: 'memory',
        A2A_AGENT: AGENT,
        A2A_MAX_SESSION_BYTES: String(256 * MIB),
        A2A_SSE_STALL_SECONDS: '6',
        NODE_OPTIONS: '--expose-gc',
      },
      folder,
    );
    return { server, client: new Wire(() => server.url, 'v1') };
  }

  const firehose = (contextId: string) => say(`firehose ${CHUNKS} ${CHUNK_BYTES}`, { contextId });

  async function held(client: Wire): Promise<number> {
    return Number(textsOf(taskIn(await client.result('SendMessage', say('memory'))))[0]);
  }

  async function whenDone(client: Wire, id: string): Promise<void> {
    await eventually(async () => {
      const { tasks } = await client.result('ListTasks', { status: 'TASK_STATE_COMPLETED' });
      return (tasks as { id: string }[]).some((task) => task.id === id);
    }, 60_000);
  }

  const numbers = (frames: readonly Frame[]): number[] =>
    frames.flatMap(({ result }) => {
      const { artifactUpdate } = result as unknown as {
        artifactUpdate?: { artifact: { parts: { text: string }[] } };
      };
      return artifactUpdate === undefined
        ? []
        : [Number(artifactUpdate.artifact.parts[0]!.text.split(' ')[0])];
    });

  it('costs the server at most 8 MB more than one that reads, is cut off, and comes back with its cursor', async () => {
    const fast = await start();
    const stream = await fast.client.stream('SendStreamingMessage', firehose(newId()));
    const all = Array.from({ length: CHUNKS }, (_, n) => n);
    expect(numbers(await stream.rest())).to.deep.equal(all);
    const fastHeld = await held(fast.client);
    await fast.server.stop();

    const slow = await start();
    const contextId = newId();
    const { socket, head } = await openAndStop(slow.server.url, firehose(contextId));
    const id = /"task":\{"id":"([^"]+)"/.exec(head)?.[1] ?? '';
    await whenDone(slow.client, id);
    const slowHeld = await held(slow.client);
    console.log(
      `      held: ${(slowHeld / MIB).toFixed(1)} MiB, by the fast reader's ${(fastHeld / MIB).toFixed(1)} MiB`,
    );
    expect(slowHeld - fastHeld).to.be.below(MORE_THAN_FAST);

    await slow.server.logs.next('stream_cut');
    let received = head;
    socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1')));
    // It was reset or ended: what the kernels had in between may still be read.
    socket.on('error', () => undefined);
    socket.resume();
    await once(socket, 'close');
    const cursors = [...received.matchAll(/^id: (\S+)\ndata: .*\n\n/gm)].map(([, cursor = '']) => cursor);
    const seen = [...received.matchAll(/"text":"(\d+) \.*"\}\]\}.*\n\n/g)].map(([, n]) => Number(n));
    expect(seen.length).to.be.below(CHUNKS);
    const resumed = await slow.client.stream(
      'SubscribeToTask',
      { id },
      { 'Last-Event-ID': cursors.at(-1) ?? '' },
    );
    expect([...seen, ...numbers(await resumed.rest())]).to.deep.equal(all);
  });
});
