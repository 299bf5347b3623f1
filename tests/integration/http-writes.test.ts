import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { respond } from '../../server/http/respond.ts';

/** All that comes back for requests that are sent in one piece; the last one closes the connection. */
async function ask(server: Server, requests: string): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  socket.write(requests);
  await once(socket, 'close');
  return text;
}

/** More than is made bytes by node itself. */
const LONG = 100_000;
const GET = 'GET /1 HTTP/1.1\r\nHost: h\r\n\r\n';
const LAST = 'GET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';

describe('an answer on its socket', () => {
  let server: Server;
  const serve = async (listener: RequestListener): Promise<void> => {
    server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
  };
  afterEach(() => server.close());

  it('is one write, head and body, whatever its letters', async () => {
    let [single, several] = [0, 0];
    const count = (socket: Socket): void => {
      const write = socket._write.bind(socket);
      socket._write = (...given) => {
        single += 1;
        write(...given);
      };
      socket._writev = (_chunks, done) => {
        several += 1;
        done();
      };
    };
    for (const body of ['{"a":"x"}', '{"a":"é€"}']) {
      await serve((_req, res) => {
        count(res.socket as Socket);
        respond(res, { status: 200, headers: {}, body });
      });
      expect(await ask(server, LAST)).to.match(new RegExp(`${body}$`));
      server.close();
    }
    expect([single, several]).to.deep.equal([2, 0]);
  });

  it('is whole, with its length, also where it is long', async () => {
    const rest = '"}'.padStart(LONG);
    for (const body of [`{"a":"x${rest}`, `{"a":"é€\u{1f511}${rest}`]) {
      let isDelivered = false;
      await serve((_req, res) => {
        respond(res, { status: 200, headers: {}, body }, undefined, () => (isDelivered = true));
      });
      const told = await ask(server, LAST);
      expect(told).to.contain(`Content-Length: ${Buffer.byteLength(body)}\r\n`);
      expect(told.endsWith(`\r\n\r\n${body}`)).to.equal(true);
      expect(isDelivered).to.equal(true);
      server.close();
    }
  });

  it('is delivered once its last byte has left, in the order of the requests', async () => {
    const delivered: (string | undefined)[] = [];
    const answer = (res: ServerResponse, url: string | undefined): void => {
      respond(res, { status: 200, headers: {}, body: `answer ${url}` }, undefined, () => delivered.push(url));
    };
    await serve((req, res) => {
      // The second request comes with the first, and is answered before it.
      if (req.url === '/2') answer(res, req.url);
      else
        setTimeout(() => {
          expect(delivered).to.deep.equal([]);
          answer(res, req.url);
        }, 20);
    });
    expect(await ask(server, GET + LAST)).to.match(/answer \/1HTTP.*answer \/2$/s);
    expect(delivered).to.deep.equal(['/1', '/2']);
  });

  it('is not delivered to who has left', async () => {
    let isDelivered = false;
    await serve((req, res) => {
      res.on('close', () => server.emit('left'));
      req.socket.destroy();
      respond(res, { status: 200, headers: {}, body: 'x' }, undefined, () => (isDelivered = true));
    });
    const left = once(server, 'left');
    await ask(server, LAST);
    await left;
    expect(isDelivered).to.equal(false);
  });

  it('has no body when only its head was asked for', async () => {
    await serve((_req, res) => {
      respond(res, { status: 200, headers: {}, body: 'not to be seen' });
    });
    const text = await ask(server, LAST.replace('GET', 'HEAD'));
    expect(text).to.match(/Content-Length: 14\r\n.*\r\n\r\n$/s);
  });
});
