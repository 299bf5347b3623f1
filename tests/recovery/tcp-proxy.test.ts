import { expect } from 'chai';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Direction, TcpProxy } from '../../scripts/evidence/faults/tcp-proxy.ts';
import { eventually } from '../helpers/eventually.ts';

/** Everything that one end was told, and how it ended. */
class End {
  readonly socket: Socket;
  said = '';
  hasEnded = false;
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.said += chunk.toString()));
    socket.on('end', () => (this.hasEnded = true));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.error = error.code));
  }

  get isClosed(): boolean {
    return this.socket.destroyed;
  }

  says(text: string): void {
    this.socket.write(text);
  }

  async hears(text: string): Promise<void> {
    await eventually(() => this.said === text);
  }
}

describe('the TCP proxy of the evidence', () => {
  let door: Server;
  let proxy: TcpProxy;
  const accepted: End[] = [];
  const made: Socket[] = [];

  beforeEach(async () => {
    accepted.length = 0;
    door = createServer((socket) => accepted.push(new End(socket))).listen(0, '127.0.0.1');
    await once(door, 'listening');
    proxy = await TcpProxy.start({ host: '127.0.0.1', port: (door.address() as AddressInfo).port });
  });
  afterEach(async () => {
    await proxy.close();
    for (const socket of [...made.splice(0), ...accepted.map((end) => end.socket)]) socket.destroy();
    door.close();
    await once(door, 'close');
  });

  function dial(): End {
    const socket = connect(proxy.port, '127.0.0.1');
    made.push(socket);
    return new End(socket);
  }

  /** A client, and its end at the server. */
  async function pair(): Promise<[client: End, server: End]> {
    const before = accepted.length;
    const client = dial();
    await eventually(() => accepted.length > before);
    return [client, accepted[before]!];
  }

  it('passes on what is said, and the end of it, both ways', async () => {
    const [client, server] = await pair();
    const long = 'x'.repeat(5_000_000);
    client.says(long);
    await server.hears(long);
    server.says('all of it');
    await client.hears('all of it');
    client.socket.end('bye');
    await eventually(() => server.said.endsWith('bye') && server.hasEnded);
    await eventually(() => client.isClosed && proxy.connections === 0);
    expect(client.error).to.equal(undefined);
  });

  it('delays one direction, and keeps the order', async () => {
    const [client, server] = await pair();
    proxy.delay('toClient', 60_000);
    client.says('ping');
    await server.hears('ping');
    const began = performance.now();
    for (const letter of 'abcde') server.says(letter);
    client.says(' again');
    await server.hears('ping again');
    expect(client.said).to.equal('');
    proxy.delay('toClient', 50);
    await client.hears('abcde');
    expect(performance.now() - began).to.be.at.least(49);
  });

  it('cuts a connection after so many bytes of an answer, old ones and new ones', async () => {
    const [old, oldServer] = await pair();
    proxy.cutAfter('toClient', () => 7);
    const [fresh, freshServer] = await pair();
    for (const [client, server] of [
      [old, oldServer],
      [fresh, freshServer],
    ] as const) {
      client.says('a question of any length');
      await server.hears('a question of any length');
      server.says('an answer');
      await eventually(() => client.isClosed && server.isClosed);
      expect(client.said).to.equal('an answ'.slice(0, 7));
    }
    expect(proxy.cuts).to.equal(2);
    await proxy.heal();
    const [client, server] = await pair();
    server.says('an answer');
    await client.hears('an answer');
  });

  for (const direction of ['toServer', 'toClient'] satisfies Direction[]) {
    const ends = async (): Promise<[from: End, to: End]> => {
      const [client, server] = await pair();
      return direction === 'toServer' ? [client, server] : [server, client];
    };

    it(`goes half-open ${direction}: the other way works, and what was held comes when it heals`, async () => {
      const [from, to] = await ends();
      proxy.hold(direction);
      from.says('held');
      to.says('heard');
      await from.hears('heard');
      expect(to.said).to.equal('');
      await proxy.heal();
      await to.hears('held');
      expect([from.isClosed, to.isClosed]).to.deep.equal([false, false]);
    });

    it(`goes half-open ${direction}: what was swallowed is lost, and its connection with it`, async () => {
      const [from, to] = await ends();
      const [calm] = await ends();
      proxy.swallow(direction);
      from.says('lost');
      to.says('heard');
      await from.hears('heard');
      expect([from.isClosed, to.isClosed]).to.deep.equal([false, false]);
      await proxy.heal();
      await eventually(() => from.isClosed && to.isClosed);
      expect(to.said).to.equal('');
      expect(calm.isClosed).to.equal(false);
    });
  }

  it('keeps the end of a client from a server that nothing reaches', async () => {
    const [client, server] = await pair();
    proxy.hold('toServer');
    client.socket.destroy();
    server.says('still there?');
    await eventually(() => client.isClosed);
    expect(server.hasEnded || server.isClosed).to.equal(false);
    await proxy.heal();
    await eventually(() => server.hasEnded || server.isClosed);
  });

  it('refuses new connections and keeps the old ones, and listens on the same port again', async () => {
    const [old, oldServer] = await pair();
    const { port } = proxy;
    proxy.refuse();
    const refused = dial();
    await eventually(() => refused.error !== undefined);
    expect(refused.error).to.equal('ECONNREFUSED');
    old.says('I am in');
    await oldServer.hears('I am in');
    await proxy.heal();
    const [client, server] = await pair();
    client.says('so am I');
    await server.hears('so am I');
    expect(proxy.port).to.equal(port);
  });

  it('resets every connection at once', async () => {
    const pairs = [await pair(), await pair()];
    proxy.drop();
    await eventually(() => pairs.flat().every((end) => end.isClosed));
    expect(proxy.connections).to.equal(0);
  });

  it('tells a client when there is nobody behind it', async () => {
    const lost = await TcpProxy.start({ path: '/nowhere/at.all' });
    try {
      const socket = connect(lost.port, '127.0.0.1');
      const end = new End(socket);
      await eventually(() => end.isClosed);
      expect(lost.connections).to.equal(0);
    } finally {
      await lost.close();
    }
  });
});
