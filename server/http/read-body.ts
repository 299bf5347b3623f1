import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Bytes } from '../../protocol/units.ts';

export type Body = Buffer | 'too large' | 'aborted';

/** Whether a request announces a body, read or not. */
export const hasBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/**
 * Reads a body up to a bound, announced or chunked. Beyond it nothing more is kept.
 *
 * @param maxBytes a body of exactly so many bytes is still taken
 * @param settle called once. A promise would cost two turns of the microtask queue that every request pays for.
 */
export function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: Bytes,
  settle: (body: Body) => void,
): void {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) {
    settle('too large');
    return;
  }
  // Only now: who waits for "continue" has not sent a body that is refused above, or for its content type.
  if (req.headers.expect?.toLowerCase() === '100-continue') res.writeContinue();
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isSettled = false;
  const end = (body: Body): void => {
    if (isSettled) return;
    isSettled = true;
    settle(body);
  };
  // A request without a listener for `error` has none: all that is said of a lost connection is `close`.
  req
    .on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        chunks.length = 0;
        end('too large');
      } else if (!isSettled) chunks.push(chunk);
    })
    .on('end', () => {
      end(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    })
    .on('close', () => {
      end('aborted');
    });
}
