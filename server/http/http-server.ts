import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { Bytes, DurationMs } from '../../protocol/units.ts';

const HEADERS_TIMEOUT_MS: DurationMs = 10_000;
/** For a whole request to arrive; the answer may take as long as it takes. */
const REQUEST_TIMEOUT_MS: DurationMs = 60_000;
/** Longer than the 60 s of common load balancers: whoever closes an idle connection first must not be the server. */
const KEEP_ALIVE_TIMEOUT_MS: DurationMs = 65_000;
const HEADERS_MAX_BYTES: Bytes = 16_384;
const TIMEOUT_CHECK_MS: DurationMs = 5000;

export type HttpServerOptions = Pick<
  ServerOptions,
  'headersTimeout' | 'requestTimeout' | 'keepAliveTimeout' | 'connectionsCheckingInterval'
>;

/** node:http with bounds on what a slow or broken client can hold. */
export function createHttpServer(listener: RequestListener, options: HttpServerOptions = {}): Server {
  const answering = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: HEADERS_MAX_BYTES,
      keepAlive: true,
      noDelay: true,
      ...options,
    },
    (req, res) => {
      answering.set(req.socket, res);
      listener(req, res);
    },
  );
  // Without this listener node says "continue" before anybody has looked at the headers.
  server.on('checkContinue', listener);
  server.on('clientError', (error, socket) => {
    const res = answering.get(socket);
    // Behind a stream that is open an answer would read as a part of it.
    if (res?.headersSent === true && !res.writableFinished) socket.destroy();
    else answerBrokenRequest(error, socket);
  });
  return server;
}

const STATUS: ReadonlyMap<string | undefined, string> = new Map([
  ['HPE_HEADER_OVERFLOW', '431 Request Header Fields Too Large'],
  ['ERR_HTTP_REQUEST_TIMEOUT', '408 Request Timeout'],
]);

/** What is not HTTP gets a JSON-RPC answer all the same, when there is still somebody to read it. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = STATUS.get(error.code) ?? '400 Bad Request';
  const message = status.slice(4);
  const body = JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: -32600, message } });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
