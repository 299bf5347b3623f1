import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import type { Answer } from '../../server/a2a/call.ts';
import { createServer } from '../../server/app.ts';
import { StartError } from '../../server/backend.ts';
import { parseConfig } from '../../server/config.ts';
import type { SendResult } from '../../protocol/model.ts';
import { JSON_TYPE, raw, SEND, useDoor } from '../helpers/door.ts';
import { FakeBackend, viewOf } from '../helpers/fake-backend.ts';
import { post } from '../helpers/rpc.ts';

/** Resolves when the server has seen the end of the next response, sent or not. */
function nextResponseClosed(): Promise<unknown> {
  const channel = 'http.server.request.start';
  return new Promise((resolve) => {
    const seen = (message: unknown): void => {
      unsubscribe(channel, seen);
      resolve(once((message as { response: ServerResponse }).response, 'close'));
    };
    subscribe(channel, seen);
  });
}

describe('a client that leaves', () => {
  const used = useDoor();
  const { door } = used;
  async function open(): Promise<Socket> {
    const socket = connect(Number(new URL(door.url).port), '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }
  const head = (length: number): string =>
    `POST /a2a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;

  it('is told delivered only when the answer was handed over', async () => {
    await post(door.url, SEND);
    expect(used.backend.delivered).to.equal(1);
  });

  it('before the answer is ready has not got it', async () => {
    const socket = await open();
    let answer: (made: Answer<SendResult>) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      used.backend.onSend = () => {
        resolve();
        return new Promise((made) => {
          answer = made;
        });
      };
    });
    const left = nextResponseClosed();
    socket.write(head(SEND.length) + SEND);
    await asked;
    socket.destroy();
    await left;
    answer({
      result: { kind: 'task', view: viewOf('t1', 'v01') },
      delivered: () => {
        used.backend.delivered++;
      },
    });
    await post(door.url, JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tasks/get', params: { id: 'x' } }));
    expect(used.backend.delivered).to.equal(0);
    expect(door.logs.of('request_failed')).to.deep.equal([]);
  });

  it('in the middle of the answer has not got it', async () => {
    // more than the buffers of both ends hold
    used.backend.onSend = () =>
      Promise.resolve({
        result: { kind: 'task', view: viewOf('t1', 'v01', 'x'.repeat(64_000_000)) },
        delivered: () => {
          used.backend.delivered++;
        },
      });
    const socket = await open();
    const left = nextResponseClosed();
    socket.write(head(SEND.length) + SEND);
    await once(socket, 'data');
    socket.destroy();
    await left;
    expect(used.backend.delivered).to.equal(0);
  });

  it('in the middle of its body leaves no trace', async () => {
    const socket = await open();
    socket.write(head(500) + SEND.slice(0, 20));
    socket.destroy();
    expect((await post(door.url, SEND)).status).to.equal(200);
    expect(used.backend.calls).to.have.length(1);
    expect(door.logs.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
  });

  it('and does not speak HTTP is answered in JSON all the same', async () => {
    const socket = await open();
    socket.end('HELLO\r\n\r\n');
    const answer = await text(socket);
    expect(answer)
      .to.match(/^HTTP\/1\.1 400 /)
      .and.contain('"code":-32600');
  });

  it('and sends endless headers is cut off with 431', async () => {
    const reply = raw(door.url, { headers: { ...JSON_TYPE, 'X-Long': 'x'.repeat(20_000) } }, SEND);
    expect((await reply).status).to.equal(431);
  });
});

describe('stopping', () => {
  const used = useDoor();
  const { door } = used;
  it('finishes what runs, then takes nothing more', async () => {
    let answer: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      used.backend.onSend = () => {
        resolve();
        return new Promise((made) => {
          answer = () => {
            made({ result: { kind: 'task', view: viewOf('t1', 'v01') } });
          };
        });
      };
    });
    const { url } = door;
    const reply = post(url, SEND);
    await asked;
    const closed = door.server.close();
    expect(door.server.readiness.draining).to.equal(true);
    answer();
    expect((await reply).status).to.equal(200);
    expect((await reply).headers.get('connection')).to.equal('close');
    expect(await closed).to.deep.equal({ pendingRecords: 0 });
    expect(used.backend.closed).to.equal(1);
    expect(door.logs.lines.map(({ event }) => event)).to.deep.equal([
      'server_listening',
      'server_draining',
      'server_stopped',
    ]);
    const late: unknown = await post(url, SEND).catch((error: unknown) => error);
    expect(late).to.be.an('error');
  });

  it('cuts off what does not end within the drain time', async () => {
    const asked = new Promise<void>((resolve) => {
      used.backend.onSend = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const reply = post(door.url, SEND).catch((error: unknown) => error);
    await asked;
    await door.server.close();
    expect(await reply).to.be.an('error');
  });

  it('says what to change when the address is in use', async () => {
    const backend = new FakeBackend();
    const config = parseConfig({ PORT: new URL(door.url).port });
    const second = await createServer(config, { buildBackend: () => backend });
    const failure: unknown = await second.listen().catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(StartError)
      .with.property('message')
      .that.matches(/is in use: .* set PORT/);
    expect(backend.closed).to.equal(1);
  });
});
