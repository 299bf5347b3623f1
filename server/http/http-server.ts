import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import type { DurationMs } from '../../protocol/units.ts';

/** How late a timeout may be noticed. */
const TIMEOUT_CHECK_MS: DurationMs = 5000;
/** Who was refused and does not leave is left after that. */
const LINGER_MS: DurationMs = 5000;

export interface HttpServerOptions extends Pick<
  ServerOptions,
  'headersTimeout' | 'requestTimeout' | 'keepAliveTimeout' | 'connectionsCheckingInterval' | 'maxHeaderSize'
> {
  readonly maxConnections?: number;
  /** One more came, and was closed. */
  readonly onConnectionRefused?: () => void;
}

/** node:http with bounds on what a slow or broken client can hold. */
export function createHttpServer(
  listener: RequestListener,
  { maxConnections = Infinity, onConnectionRefused, ...options }: HttpServerOptions = {},
): Server {
  const answering = new WeakMap<Duplex, ServerResponse>();
  const server = createServer(
    {
      connectionsCheckingInterval: Math.min(
        TIMEOUT_CHECK_MS,
        (options.headersTimeout ?? TIMEOUT_CHECK_MS) / 2,
      ),
      keepAlive: true,
      noDelay: true,
      ...options,
    },
    (req, res) => {
      answering.set(req.socket, res);
      listener(req, res);
    },
  );
  let connections = 0;
  // Not by `maxConnections` of node: a worker that is full hands a connection back, and full ones hand it round for ever.
  server.on('connection', (socket) => {
    if (connections >= maxConnections) {
      socket.destroy();
      onConnectionRefused?.();
      return;
    }
    connections += 1;
    socket.once('close', () => {
      connections -= 1;
    });
  });
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
  // The other end may stay half open for as long as it likes.
  const timer = setTimeout(() => {
    socket.destroy();
  }, LINGER_MS).unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
