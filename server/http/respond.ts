import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { ProtocolError } from '../../protocol/errors.ts';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import { hasBody } from './read-body.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: string;
}

/** How long the rest of a refused body is read and thrown away. */
const LINGER_MS: DurationMs = 5000;
const LONG_BODY: Bytes = 16_384;

/**
 * Writes an answer whole: one header block, one body. A client that has gone is no error.
 *
 * @param also headers beside those of the answer
 * @param delivered called when the last byte was handed to the socket, and the socket is still there
 */
export function respond(
  res: ServerResponse,
  answer: HttpAnswer,
  also?: OutgoingHttpHeaders,
  delivered?: () => void,
): void {
  if (res.destroyed || res.headersSent) return;
  const { status, headers, body } = answer;
  // A list of names and values, as node writes them: no object is merged of three only to be taken apart again.
  const list: OutgoingHttpHeader[] = [];
  addHeaders(list, headers);
  if (also !== undefined) addHeaders(list, also);
  if (body === undefined) {
    if (delivered !== undefined) onceFinished(res, delivered);
    res.writeHead(status, list);
    res.end();
    return;
  }
  // A long text is made bytes here, once: node would put it behind the head first, in one more copy.
  const content = body.length < LONG_BODY ? body : Buffer.from(body);
  const bytes = Buffer.byteLength(content);
  list.push('Content-Length', bytes);
  res.writeHead(status, list);
  // A character for each byte: ASCII, which is copied as it is instead of being encoded.
  const encoding = bytes === body.length ? 'latin1' : 'utf8';
  const { socket } = res;
  if (socket === null) {
    // Behind another answer: it goes out when that one has.
    if (delivered !== undefined) onceFinished(res, delivered);
    res.end(content, encoding);
    return;
  }
  // Head and body in one write. `end(body)` makes it two, of which the second is empty, and `writev` for both takes 1 us
  // more; so does a second listener for `finish`.
  res.write(content, encoding, (error) => {
    if (!error && !socket.destroyed) delivered?.();
  });
  socket.uncork();
  res.end();
}

/** Before node's own listener, which takes the socket away. node says `finish` also when the client left meanwhile. */
function onceFinished(res: ServerResponse, delivered: () => void): void {
  res.prependListener('finish', () => {
    if (res.socket?.destroyed === false) delivered();
  });
}

function addHeaders(list: OutgoingHttpHeader[], headers: OutgoingHttpHeaders): void {
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) list.push(name, value);
  }
}

/**
 * Refuses a request of which the body was not read to its end, and ends the connection. Closing a socket with unread
 * data resets it, and the reset can overtake the answer; so the answer is written first, what is still coming is thrown
 * away for a while, and then the connection is closed.
 */
export function refuse(req: IncomingMessage, res: ServerResponse, answer: HttpAnswer): void {
  if (!hasBody(req) || req.readableEnded) {
    respond(res, answer);
    return;
  }
  if (res.destroyed || res.headersSent) return;
  res.writeHead(answer.status, { ...withLength(answer), Connection: 'close' });
  res.write(answer.body ?? '');
  const end = (): void => {
    clearTimeout(timer);
    res.end();
  };
  const timer = setTimeout(end, LINGER_MS).unref();
  req.once('end', end).once('close', end).once('error', end);
  req.resume();
}

function withLength({ headers, body }: HttpAnswer): OutgoingHttpHeaders {
  return body === undefined ? headers : { ...headers, 'Content-Length': Buffer.byteLength(body) };
}

export function jsonAnswer(status: number, value: object, headers: OutgoingHttpHeaders = {}): HttpAnswer {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(value) };
}

/** Outside JSON-RPC: the words and the headers of the error, without its envelope. */
export function refusal({ message, httpStatus, challenge, retryAfterMs }: ProtocolError): HttpAnswer {
  return jsonAnswer(
    httpStatus,
    { error: message },
    {
      'Cache-Control': 'no-store',
      ...(challenge !== undefined && { 'WWW-Authenticate': challenge }),
      ...(retryAfterMs !== undefined && { 'Retry-After': Math.ceil(retryAfterMs / 1000) }),
    },
  );
}
