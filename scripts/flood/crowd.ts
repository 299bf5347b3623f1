/** Clients that take up room and do nothing: idle connections, bodies that hardly come, streams that nothing is said on. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface CrowdSize {
  readonly idle: number;
  readonly slowBodies: number;
  readonly silentStreams: number;
}

/** Connections are opened so many at a time: the queue of a listening socket is short. */
const AT_ONCE = 100;

/** A sender that wants a stream. */
const streamRequest = (host: string, body: string): string =>
  `${headOf(host, Buffer.byteLength(body), 'A2A-Version: 1.0\r\n')}${body}`;

const headOf = (host: string, length: number, also = ''): string =>
  `POST /a2a HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\n${also}Content-Length: ${length}\r\n\r\n`;

export class Crowd {
  readonly #sockets: Socket[] = [];
  readonly #url: URL;
  #lost = 0;

  constructor(url: string) {
    this.#url = new URL(url);
  }

  /** Connections that the server has closed, or never taken. */
  get lost(): number {
    return this.#lost;
  }

  /**
   * Resolves when all are there, and every stream has its first event.
   *
   * @param streamBody the body of a request for a stream that stays open; `n` makes each another one
   */
  async open(
    { idle, slowBodies, silentStreams }: CrowdSize,
    streamBody: (n: number) => string,
  ): Promise<void> {
    const { host } = this.#url;
    await this.#each(idle, () => Promise.resolve());
    await this.#each(slowBodies, (socket) => {
      socket.write(`${headOf(host, 1000)}{`);
      return Promise.resolve();
    });
    await this.#each(silentStreams, async (socket, n) => {
      socket.write(streamRequest(host, streamBody(n)));
      await once(socket, 'data');
    });
  }

  leave(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }

  async #each(count: number, use: (socket: Socket, n: number) => Promise<void>): Promise<void> {
    for (let from = 0; from < count; from += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, count - from) }, async (_, i) => {
        const socket = connect(Number(this.#url.port), this.#url.hostname);
        this.#sockets.push(socket);
        let isLost = false;
        const lose = (): void => {
          if (!isLost) this.#lost += 1;
          isLost = true;
        };
        socket.on('error', lose).on('end', lose);
        await once(socket, 'connect');
        await use(socket, from + i);
        socket.resume();
      });
      await Promise.all(some);
    }
  }
}
