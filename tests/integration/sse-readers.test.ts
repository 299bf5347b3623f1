import { expect } from 'chai';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { V1 } from '../helpers/rpc.ts';
import { chunkEvent, ScriptedStream, taskEvent } from '../helpers/scripted-stream.ts';
import { SseClient, useStreamDoor } from '../helpers/sse.ts';
import { BODY, endless, fillUp, nextConnection, open, plays, standsStill } from './sse-play.ts';

describe('the heartbeat of a stream', () => {
  const used = useStreamDoor({ sse: { heartbeatMs: 25 } });

  it('fills the silence between events, and before the first one, and is no event', async () => {
    const frames = new ScriptedStream();
    plays(used.door, frames);
    const client = await open(used.door);
    expect(client.contentType).to.equal('text/event-stream');
    await client.until(() => client.heartbeats === 3);
    frames.give(taskEvent());
    await client.until(() => client.events.length === 1);
    const before = client.heartbeats;
    await client.until(() => client.heartbeats > before + 1);
    frames.give(chunkEvent('a'), 'end');
    await client.toEnd();
    expect(client.ids).to.deep.equal(['e.1', 'e.2']);
    expect(client.isComplete).to.equal(true);
  });

  it('makes a failure that comes after it the last event', async () => {
    const frames = new ScriptedStream();
    plays(used.door, frames);
    const client = await open(used.door);
    await client.until(() => client.heartbeats === 1);
    frames.give(new Error('boom'));
    const events = await client.toEnd();
    expect(events.map(({ data }) => data.error?.code)).to.deep.equal([-32603]);
  });
});

describe('a stream between events', () => {
  const bounds = { headersTimeout: 60, requestTimeout: 80, keepAliveTimeout: 50 };
  const used = useStreamDoor({
    sse: { heartbeatMs: 25 },
    http: { ...bounds, connectionsCheckingInterval: 10 },
  });

  it('outlives the time that a request may take to arrive', async () => {
    const frames = new ScriptedStream();
    plays(used.door, frames);
    const client = await open(used.door);
    const late = connect(Number(new URL(used.door.url).port), '127.0.0.1');
    late.write('POST /a2a HTTP/1.1\r\nHost: localhost\r\nContent-Type: app');
    const [refusal] = (await once(late, 'data')) as [Buffer];
    expect(refusal.toString()).to.match(/^HTTP\/1\.1 408 /);
    late.destroy();
    await client.until(() => client.heartbeats > 12);
    frames.give(taskEvent(), 'end');
    expect(await client.toEnd()).to.have.length(1);
    expect(client.isComplete).to.equal(true);
  });
});

describe('a client that leaves its stream', () => {
  const used = useStreamDoor();

  async function isLeft(frames: ScriptedStream): Promise<void> {
    const from = performance.now();
    await frames.isReturned();
    expect(performance.now() - from).to.be.lessThan(1000);
    await eventually(async () => (await used.door.openStreams()) === 0);
    expect(frames.returned).to.equal(1);
    expect(used.door.backend.delivered).to.equal(0);
    expect(used.door.logs.lines).to.deep.equal([]);
  }

  it('while nothing happens is noticed, and its source returned once', async () => {
    const frames = new ScriptedStream(taskEvent());
    plays(used.door, frames);
    const client = await open(used.door);
    await client.until(() => client.events.length === 1);
    await frames.isAwaited();
    expect(await used.door.openStreams()).to.equal(1);
    client.leave();
    await isLeft(frames);
    frames.give(chunkEvent('late'), new Error('late'));
  });

  it('while it reads nothing is noticed', async () => {
    const frames = endless();
    plays(used.door, frames);
    const client = await open(used.door);
    await standsStill(frames);
    client.leave();
    await isLeft(frames);
  });

  it('before the last byte has not got it all', async () => {
    const connection = nextConnection(used.door);
    const client = await fillUp(used.door);
    const ours = await connection;
    const closed = new Promise((resolve) => ours.once('close', resolve));
    client.leave();
    await closed;
    await turn();
    expect(used.door.backend.delivered).to.equal(0);
  });

  it('before its stream is there is noticed once it is', async () => {
    const frames = new ScriptedStream(taskEvent());
    const socket = connect(Number(new URL(used.door.url).port), '127.0.0.1');
    const ours = nextConnection(used.door);
    const asked = new Promise<() => void>((resolve) => {
      used.door.backend.onStream = () =>
        new Promise((answer) => {
          resolve(() => {
            answer(used.door.backend.streamOf(frames));
          });
        });
    });
    socket.write(rawRequest());
    const answer = await asked;
    const closed = once(await ours, 'close');
    socket.destroy();
    await closed;
    answer();
    await isLeft(frames);
    expect(frames.pulled).to.equal(0);
  });

  it('leaves the stream behind it in the pipe as well', async () => {
    const first = new ScriptedStream(taskEvent());
    const second = new ScriptedStream(taskEvent());
    plays(used.door, first, second);
    const socket = connect(Number(new URL(used.door.url).port), '127.0.0.1');
    socket.write(rawRequest() + rawRequest());
    await Promise.all([first.isAwaited(), second.isAwaited()]);
    socket.destroy();
    await isLeft(first);
    await isLeft(second);
  });

  it('by sending what is no HTTP gets nothing into its stream that is no part of it', async () => {
    const frames = new ScriptedStream(taskEvent());
    plays(used.door, frames);
    const socket = connect(Number(new URL(used.door.url).port), '127.0.0.1');
    let seen = '';
    socket.on('data', (bytes: Buffer) => {
      seen += bytes.toString();
    });
    socket.write(rawRequest());
    await eventually(() => seen.includes('id: e.1'));
    socket.write('no HTTP\r\n\r\n');
    await once(socket, 'close');
    expect(seen).to.match(/\n\n\r\n$/);
    expect(seen.match(/HTTP\/1\.1/g)).to.have.length(1);
    await isLeft(frames);
  });

  const rawRequest = (): string =>
    `POST /a2a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nA2A-Version: 1.0\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
});

describe('a connection', () => {
  const used = useStreamDoor();

  it('serves on after a stream', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { 'Content-Type': 'application/json', ...V1 };
    const ask = (): ReturnType<typeof request> => request(used.door.url, { method: 'POST', agent, headers });
    for (const isReused of [false, true, true]) {
      const req = ask();
      req.end(BODY);
      const client = await SseClient.answerTo(req);
      expect(await client.toEnd()).to.have.length(3);
      expect(req.reusedSocket).to.equal(isReused);
    }
    agent.destroy();
  });
});
