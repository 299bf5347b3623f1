import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../protocol/units.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: JsonObject;
}

export interface Receiver {
  /** Absolute, on loopback. */
  url(path: string): string;
  readonly origin: string;
  readonly received: readonly Received[];
  /** What the next requests are answered with; 200 when there is none left. */
  readonly statuses: number[];
}

/**
 * Something that webhooks can be sent to. Its origin is put into `env` under A2A_PUSH_ALLOW before the server of the
 * suite starts.
 */
export function useReceiver(env: Record<string, string>): Receiver {
  let server: Server;
  let origin = '';
  const received: Received[] = [];
  const statuses: number[] = [];
  before(async () => {
    server = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as JsonObject;
        received.push({ path: req.url ?? '', headers: req.headers, body });
        res.writeHead(statuses.shift() ?? 200).end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    env['A2A_PUSH_ALLOW'] = origin;
  });
  beforeEach(() => {
    received.length = 0;
    statuses.length = 0;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return {
    url: (path) => origin + path,
    get origin() {
      return origin;
    },
    received,
    statuses,
  };
}
