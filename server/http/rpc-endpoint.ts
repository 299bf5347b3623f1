import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ProtocolError, type ErrorReason } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';
import type { RpcAnswer } from '../rpc/rpc-answer.ts';
import type { RpcServer } from '../rpc/rpc-server.ts';
import type { Principal } from '../security/principal.ts';
import { hasLeft } from './has-left.ts';
import { readBody } from './read-body.ts';
import { readFacts } from './read-facts.ts';
import { type Cors, isJson, requestedVersion } from './request-guards.ts';
import { refuse, respond } from './respond.ts';
import { type SseSettings, writeStream } from './sse.ts';

export interface RpcEndpointOptions {
  readonly rpc: RpcServer;
  readonly bodyMaxBytes: Bytes;
  readonly cors: Cors;
  /** Whether the `Host` of a request may be served. */
  readonly isHostAllowed: (req: IncomingMessage) => boolean;
  /** Who calls. Throws a `ProtocolError` for who may not; it is answered with its `httpStatus`. */
  readonly resolvePrincipal: (req: IncomingMessage) => Principal | Promise<Principal>;
  readonly sse: SseSettings;
  /** While true, answers close their connection. */
  readonly isDraining: () => boolean;
  /** Whether the event loop was late since then (`performance.now()`). Default: never. */
  readonly wasLateSince?: (since: number) => boolean;
}

const ALLOW = 'POST, OPTIONS';

/**
 * The RPC endpoint as a plain `(req, res)` function: the same checks whether the server hands it a request directly or
 * Express does. Everything that can be refused without the body is refused before the body is read.
 */
export function createRpcEndpoint(options: RpcEndpointOptions): RequestListener {
  const { rpc, cors, bodyMaxBytes, wasLateSince = () => false } = options;

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const version = requestedVersion(req);
    const common: Record<string, string> = { ...cors.headersFor(req), 'Cache-Control': 'no-store' };
    const refuseFor = (error: unknown, headers = {}): void => {
      const refusal = rpc.refuse(error, { requestId, version });
      refuse(req, res, { ...refusal, headers: { ...refusal.headers, ...common, ...headers } });
    };
    const turnAway = (httpStatus: number, reason: ErrorReason, message: string, headers = {}): void => {
      refuseFor(new ProtocolError(reason, { message, httpStatus }), headers);
    };

    if (!options.isHostAllowed(req)) {
      turnAway(403, 'INVALID_REQUEST', 'This Host is not served; set A2A_PUBLIC_URL to serve it');
      return;
    }
    if (req.method === 'OPTIONS') {
      refuse(req, res, { status: 204, headers: { Allow: ALLOW, ...cors.preflight(req) } });
      return;
    }
    if (req.method !== 'POST') {
      turnAway(405, 'INVALID_REQUEST', 'This is a JSON-RPC endpoint: use POST', { Allow: ALLOW });
      return;
    }
    let principal: Principal;
    try {
      principal = await options.resolvePrincipal(req);
    } catch (error) {
      refuseFor(error);
      return;
    }
    if (req.destroyed) return;
    if (!isJson(req.headers['content-type']) || req.headers['content-encoding'] !== undefined) {
      turnAway(
        415,
        'CONTENT_TYPE_NOT_SUPPORTED',
        'Content-Type must be application/json, in UTF-8 and not encoded',
      );
      return;
    }
    const body = await readBody(req, res, bodyMaxBytes);
    if (body === 'aborted') return;
    if (body === 'too large') {
      turnAway(413, 'INVALID_REQUEST', `The body must be at most ${bodyMaxBytes} bytes`);
      return;
    }
    if (await hasLeft(req, res, wasLateSince)) return;
    await answer(res, await rpc.handle(body, { requestId, version, principal, ...readFacts(req) }), common);
  }

  async function answer(
    res: ServerResponse,
    response: RpcAnswer,
    common: Record<string, string>,
  ): Promise<void> {
    const closing = options.isDraining() ? { Connection: 'close' } : {};
    const headers = { ...response.headers, ...common, ...closing };
    if ('frames' in response) {
      await writeStream(res, response, headers, options.sse);
      return;
    }
    const { delivered } = response;
    if (delivered !== undefined) {
      // node says `finish` also when the client left while the answer was being written; its socket is then destroyed.
      res.prependOnceListener('finish', () => {
        if (res.socket?.destroyed === false) delivered();
      });
    }
    respond(res, { ...response, headers });
  }

  return (req, res) => {
    void serve(req, res);
  };
}
