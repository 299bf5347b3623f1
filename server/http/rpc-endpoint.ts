import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { ProtocolError, type ErrorReason } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';
import type { RequestFacts, RpcResponse, RpcServer } from '../rpc/rpc-server.ts';
import type { Principal } from '../security/principal.ts';
import { readBody } from './read-body.ts';
import { type Cors, isJson, requestedVersion } from './request-guards.ts';
import { refuse, respond } from './respond.ts';

export interface RpcEndpointOptions {
  readonly rpc: RpcServer;
  readonly bodyMaxBytes: Bytes;
  readonly cors: Cors;
  /** Whether the `Host` of a request may be served. */
  readonly isHostAllowed: (req: IncomingMessage) => boolean;
  readonly resolvePrincipal: (req: IncomingMessage) => Principal;
  /** While true, answers close their connection. */
  readonly isDraining: () => boolean;
}

const ALLOW = 'POST, OPTIONS';

/**
 * The RPC endpoint as a plain `(req, res)` function: the same checks whether the server hands it a request directly or
 * Express does. Everything that can be refused without the body is refused before the body is read.
 */
export function createRpcEndpoint(options: RpcEndpointOptions): RequestListener {
  const { rpc, cors, bodyMaxBytes } = options;

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const version = requestedVersion(req);
    const common: Record<string, string> = { ...cors.headersFor(req), 'Cache-Control': 'no-store' };
    const turnAway = (status: number, reason: ErrorReason, message: string, headers = {}): void => {
      const error = new ProtocolError(reason, { message, httpStatus: status });
      const refusal = rpc.refuse(error, { requestId, version });
      refuse(req, res, { ...refusal, headers: { ...refusal.headers, ...common, ...headers } });
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
    if (!isJson(req.headers['content-type']) || req.headers['content-encoding'] !== undefined) {
      turnAway(
        415,
        'CONTENT_TYPE_NOT_SUPPORTED',
        'Content-Type must be application/json, in UTF-8 and not encoded',
      );
      return;
    }
    const facts: RequestFacts = { requestId, version, principal: options.resolvePrincipal(req) };
    const body = await readBody(req, res, bodyMaxBytes);
    if (body === 'aborted') return;
    if (body === 'too large') {
      turnAway(413, 'INVALID_REQUEST', `The body must be at most ${bodyMaxBytes} bytes`);
      return;
    }
    answer(res, await rpc.handle(body, facts), common);
  }

  function answer(res: ServerResponse, response: RpcResponse, common: Record<string, string>): void {
    const { delivered } = response;
    if (delivered !== undefined) {
      // node says `finish` also when the client left while the answer was being written; its socket is then destroyed.
      res.prependOnceListener('finish', () => {
        if (res.socket?.destroyed === false) delivered();
      });
    }
    const closing = options.isDraining() ? { Connection: 'close' } : {};
    respond(res, { ...response, headers: { ...response.headers, ...common, ...closing } });
  }

  return (req, res) => {
    void serve(req, res);
  };
}
