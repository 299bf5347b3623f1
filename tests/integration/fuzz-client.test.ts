/** The fuzzer notices what a server does wrong: one that does is played here. */
import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { FuzzClient } from '../../scripts/fuzz/fuzz-client.ts';
import { IdPool } from '../../scripts/fuzz/id-pool.ts';
import { type FuzzRequest, RequestMaker } from '../../scripts/fuzz/requests.ts';
import { Random } from '../../scripts/recovery/random.ts';

const CALLER = { tenant: 'acme', key: 'k', mark: 'm' };
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}';
const request: FuzzRequest = {
  kind: 'right',
  head: 'POST / HTTP/1.1\r\n\r\n',
  body: Buffer.from('{}'),
  wire: Buffer.from('{}'),
  httpMethod: 'POST',
  path: '/',
  caller: CALLER,
  isCall: true,
};

describe('a connection of the fuzzer', () => {
  let server: Server;
  let client: FuzzClient;
  let answer: (socket: Socket) => void;
  let connections: number;
  beforeEach(async () => {
    connections = 0;
    server = createServer((socket) => {
      connections++;
      socket
        .on('error', () => undefined)
        .on('data', () => {
          answer(socket);
        });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = new FuzzClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 200);
  });
  afterEach(() => {
    client.close();
    server.close();
  });
  const told = async (count = 1): Promise<unknown[]> => {
    const found = await client.send({ requests: Array.from({ length: count }, () => request) });
    return found.map((one) => (typeof one.answer === 'string' ? one.answer : one.answer.status));
  };

  it('gets its answers, in pieces and several at once, and is used again', async () => {
    answer = (socket) => {
      socket.write(OK.slice(0, 20));
      socket.write(OK.slice(20) + OK);
    };
    expect(await told(2)).to.deep.equal([200, 200]);
    expect(await told(2)).to.deep.equal([200, 200]);
    expect(connections).to.equal(1);
  });

  it('notices that it hangs, ends, or says what is no HTTP', async () => {
    answer = () => undefined;
    expect(await told()).to.deep.equal(['hung']);
    answer = (socket) => socket.end('HTTP/1.1 200');
    expect(await told()).to.deep.equal(['gone']);
    answer = (socket) => socket.write('oops, no HTTP\r\n\r\n');
    expect(await told()).to.deep.equal(['broken']);
    answer = (socket) => socket.end(OK);
    expect(await told(2)).to.deep.equal([200, 'gone']);
  });

  it('tries once more where it was closed between two requests', async () => {
    answer = (socket) => socket.write(OK);
    expect(await told()).to.deep.equal([200]);
    const [first] = [answer];
    let closed = false;
    answer = (socket) => {
      if (closed) first(socket);
      else socket.destroy();
      closed = true;
    };
    expect(await told()).to.deep.equal([200]);
    expect(connections).to.equal(2);
  });

  it('leaves a stream that stays open, with what it said', async () => {
    answer = (socket) =>
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n:x\n\r\n',
      );
    const [found] = await client.send({ requests: [request] });
    expect(found?.answer).to.deep.include({ status: 200, body: ':x\n', isOpen: true });
  });
});

describe('what the fuzzer sends', () => {
  const some = (seed: number): RequestMaker =>
    new RequestMaker(new Random(seed), new IdPool(), [CALLER, { ...CALLER, tenant: 'beta' }]);

  it('is the same for the same seed, and other things for another', () => {
    const [one, same, other] = [some(1), some(1), some(2)].map((maker) =>
      Array.from({ length: 200 }, () => JSON.stringify(maker.burst())),
    );
    expect(one).to.deep.equal(same);
    expect(one).to.not.deep.equal(other);
  });

  it('names its body where it says that it is a call', () => {
    const maker = some(3);
    const calls = Array.from({ length: 2_000 }, () => maker.burst())
      .flatMap(({ requests }) => requests)
      .filter(({ kind, isCall }) => isCall && kind === 'right');
    expect(calls.length).to.be.greaterThan(300);
    const methods = new Set(
      calls.flatMap(({ body }) => /"method":"([^"]+)"/.exec(body.toString())?.[1] ?? []),
    );
    expect(methods.size).to.be.greaterThan(18);
  });
});
