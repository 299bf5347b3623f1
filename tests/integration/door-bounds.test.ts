/** What clients can hold of the server is bounded, over real sockets: each bound ends cleanly and others are served. */
import { expect } from 'chai';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { JSON_TYPE, raw, SEND, useDoor } from '../helpers/door.ts';
import { eventually } from '../helpers/eventually.ts';
import { call, post, sendV1, V1 } from '../helpers/rpc.ts';
import { ScriptedStream, taskEvent } from '../helpers/scripted-stream.ts';

async function open(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

const head = (length: number, also = ''): string =>
  `POST /a2a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${also}Content-Length: ${length}\r\n\r\n`;

describe('a client that is slow', () => {
  const used = useDoor({
    A2A_HEADERS_TIMEOUT_SECONDS: '1',
    A2A_REQUEST_TIMEOUT_SECONDS: '2',
    A2A_KEEP_ALIVE_SECONDS: '1',
  });
  const { door } = used;

  /** Sends a character now and then until the connection ends. */
  async function drip(socket: Socket, character: string): Promise<string> {
    const timer = setInterval(() => {
      if (socket.writable) socket.write(character);
    }, 100);
    try {
      return await text(socket);
    } finally {
      clearInterval(timer);
      socket.destroy();
    }
  }

  for (const [what, begin, character] of [
    ['with its first word', '', '\r\n'],
    ['with its headers', 'POST /a2a HTTP/1.1\r\nX-Slow: ', 'x'],
    ['with its body', `${head(10_000)}{`, ' '],
  ] as const) {
    it(`${what} is answered 408 and cut off, and others are served meanwhile`, async () => {
      const socket = await open(door.url);
      if (begin !== '') socket.write(begin);
      const answer = drip(socket, character);
      expect((await post(door.url, SEND)).status).to.equal(200);
      expect(await answer)
        .to.match(/^HTTP\/1\.1 408 /)
        .and.contain('Connection: close');
      expect((await post(door.url, SEND)).status).to.equal(200);
      expect(used.backend.calls).to.have.length(2);
    });
  }

  it('and says nothing at all is cut off', async () => {
    expect(await text(await open(door.url))).to.match(/^HTTP\/1\.1 408 /);
  });

  it('and asks no more is left after a while', async () => {
    const socket = await open(door.url);
    socket.write(head(SEND.length) + SEND);
    expect(await text(socket)).to.match(/^HTTP\/1\.1 200 /);
  });
});

describe('a head that is too large', () => {
  const used = useDoor({ A2A_MAX_HEADER_BYTES: '2048' });
  const { door } = used;

  it('is answered 431, whether in one header or in many', async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`X-Header-${i}`, 'x'.repeat(30)]));
    for (const headers of [{ 'X-Long': 'x'.repeat(3_000) }, many]) {
      const reply = await raw(door.url, { headers: { ...JSON_TYPE, ...headers } }, SEND);
      expect(reply.status).to.equal(431);
      expect(JSON.parse(reply.body)).to.have.nested.property('error.code', -32600);
    }
    const reply = await raw(door.url, { headers: { ...JSON_TYPE, 'X-Long': 'x'.repeat(1_000) } }, SEND);
    expect(reply.status).to.equal(200);
  });
});

describe('connections', () => {
  const used = useDoor({ A2A_MAX_CONNECTIONS: '5' });
  const { door } = used;

  it('above the bound are closed and told of once, and there is room again when others leave', async () => {
    const taken = await Promise.all(Array.from({ length: 5 }, () => open(door.url)));
    for (let i = 0; i < 3; i++) {
      const more = await open(door.url);
      expect(await text(more).catch(() => '')).to.equal('');
    }
    expect(door.logs.of('connections_full')).to.have.length(1);
    expect((await door.server.metrics.connectionsRefused.get()).values[0]?.value).to.equal(3);
    taken[0]?.write(head(SEND.length) + SEND);
    await once(taken[0]!, 'data');
    taken[0]?.destroy();
    await eventually(async () => {
      expect((await raw(door.url, { headers: JSON_TYPE }, SEND)).status).to.equal(200);
    });
    for (const socket of taken) socket.destroy();
  });
});

describe('streams of one caller', () => {
  const used = useDoor({ A2A_MAX_STREAMS_PER_PRINCIPAL: '2' });
  const { door } = used;
  const stream = (signal?: AbortSignal): Promise<Response> =>
    fetch(door.url, {
      method: 'POST',
      headers: { ...JSON_TYPE, ...V1 },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 7,
        method: 'SendStreamingMessage',
        params: sendV1('m', 'x'),
      }),
      ...(signal && { signal }),
    });

  it('are so many and no more: one more is answered 429, and nothing is begun for it', async () => {
    used.backend.onStream = () => used.backend.streamOf(new ScriptedStream(taskEvent()));
    const leaving = new AbortController();
    const opened = [await stream(leaving.signal), await stream(leaving.signal)];
    expect(opened.map(({ status }) => status)).to.deep.equal([200, 200]);
    const refused = await stream();
    expect(refused.status).to.equal(429);
    expect(refused.headers.get('retry-after')).to.equal('1');
    expect(await refused.json())
      .to.deep.include({ id: 7 })
      .and.have.nested.property('error.data[0].metadata')
      .that.deep.equals({ bound: 'streams', max: '2' });
    expect(used.backend.calls).to.have.length(2);
    // what is no stream goes on
    expect((await call(door.url, 'GetTask', { id: 's1.t1' }, V1)).status).to.equal(200);
    leaving.abort();
    const again = new AbortController();
    await eventually(async () => {
      expect((await stream(again.signal)).status).to.equal(200);
    });
    again.abort();
  });

  it('that end, fail or never begin are given back', async () => {
    for (let i = 0; i < 5; i++) expect(await (await stream()).text()).to.contain('COMPLETED');
    used.backend.onStream = () => Promise.reject(new Error('no stream'));
    for (let i = 0; i < 5; i++) expect((await stream()).status).to.equal(200);
    used.backend.onStream = ({ dialect }) =>
      used.backend.streamOf(new ScriptedStream(taskEvent(), 'end'), dialect);
    for (let i = 0; i < 5; i++) expect((await stream()).status, String(i)).to.equal(200);
  });
});

describe('what is in a body', () => {
  const { door } = useDoor();

  it('is refused with the bound when it is nested too deep', async () => {
    const deep = `{"jsonrpc":"2.0","id":1,"method":"x","params":${'['.repeat(70)}${']'.repeat(70)}}`;
    expect((await post(door.url, deep)).json.error?.message).to.contain('nested deeper than 64');
  });

  it('is refused with field and bound when it has too many parts', async () => {
    const params = sendV1('m1', 'x');
    Object.assign(params['message'] as object, { parts: Array.from({ length: 257 }, () => ({ text: 'x' })) });
    const reply = await call(door.url, 'SendMessage', params, V1);
    expect(reply.json.error?.code).to.equal(-32602);
    expect(reply.json.error?.message).to.contain('message.parts').and.contain('256');
  });

  it('is refused with the bound when it is too large', async () => {
    const reply = await post(door.url, 'x'.repeat(4_194_305));
    expect([reply.status, reply.json.error?.message]).to.deep.equal([
      413,
      'The body must be at most 4194304 bytes',
    ]);
  });
});
