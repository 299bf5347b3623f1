/** A real receiver of webhooks on loopback. What it answers is for the test to say. */
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Status, headers; or what is to be done with the answer. `hang` never answers. */
export type Reply =
  | number
  | 'hang'
  | { readonly status: number; readonly headers?: Record<string, string> }
  | ((response: ServerResponse) => void);

export class Receiver {
  readonly received: Received[] = [];
  /** Asked for each request, before it counts as received. */
  reply: (request: Received) => Reply = () => 204;
  /** Requests in progress now, and most of them at once so far. */
  busy = 0;
  mostBusy = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      this.busy += 1;
      this.mostBusy = Math.max(this.mostBusy, this.busy);
      response.once('close', () => (this.busy -= 1));
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
        const received = { path: request.url ?? '', headers: request.headers, body };
        this.received.push(received);
        this.#answer(response, this.reply(received));
      });
    });
  }

  #answer(response: ServerResponse, reply: Reply): void {
    if (reply === 'hang') return;
    if (typeof reply === 'function') reply(response);
    else if (typeof reply === 'number') response.writeHead(reply).end();
    else response.writeHead(reply.status, reply.headers).end();
  }

  async listen(port = 0): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Call it in a `describe`: another receiver for each test. */
export function useReceiver(): { readonly it: Receiver } {
  let receiver: Receiver | undefined;
  beforeEach(async () => {
    receiver = new Receiver();
    await receiver.listen();
  });
  afterEach(async () => {
    await receiver?.close();
  });
  return {
    get it() {
      if (receiver === undefined) throw new Error('it listens while a test runs');
      return receiver;
    },
  };
}
