import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { DurationMs } from '../../protocol/units.ts';
import { hasBody } from './read-body.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: string;
}

/** How long the rest of a refused body is read and thrown away. */
const LINGER_MS: DurationMs = 5000;

/** Writes an answer whole: one header block, one body. A client that has gone is no error. */
export function respond(res: ServerResponse, answer: HttpAnswer): void {
  if (res.destroyed || res.headersSent) return;
  res.writeHead(answer.status, withLength(answer));
  res.end(answer.body);
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
