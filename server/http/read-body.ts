import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Bytes } from '../../protocol/units.ts';

export type Body = Buffer | 'too large' | 'aborted';

/** Whether a request announces a body, read or not. */
export const hasBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;

/**
 * Reads a body up to a bound, announced or chunked. Beyond it nothing more is kept. Never rejects.
 *
 * @param maxBytes a body of exactly so many bytes is still taken
 */
export function readBody(req: IncomingMessage, res: ServerResponse, maxBytes: Bytes): Promise<Body> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve('too large');
  // Only now: who waits for "continue" has not sent a body that is refused above, or for its content type.
  if (req.headers.expect?.toLowerCase() === '100-continue') res.writeContinue();
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (body: Body): void => {
      req.off('data', take);
      resolve(body);
    };
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) settle('too large');
      else chunks.push(chunk);
    };
    req.on('data', take);
    req.once('end', () => {
      settle(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    req.once('close', () => {
      settle('aborted');
    });
    req.once('error', () => {
      settle('aborted');
    });
  });
}
