import { randomUUID } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { ProtocolError, type ErrorReason } from '../../protocol/errors.ts';
import type { Bytes } from '../../protocol/units.ts';
import type { RequestSpan, Tracing } from '../observability/tracing.ts';
import type { RpcAnswer } from '../rpc/rpc-answer.ts';
import type { RpcServer } from '../rpc/rpc-server.ts';
import type { Principal } from '../security/principal.ts';
import { hasLeft } from './has-left.ts';
import { type Body, readBody } from './read-body.ts';
import { Facts } from './read-facts.ts';
import { type Cors, isJson, NO_HEADERS, requestedVersion } from './request-guards.ts';
import { refuse, respond } from './respond.ts';
import { type SseSettings, writeStream } from './sse.ts';
import { Turn } from './turn.ts';

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
  /** Absent: nobody takes spans. */
  readonly tracing?: Tracing | undefined;
  /** Whether the event loop was late since then (`performance.now()`). Default: never. */
  readonly wasLateSince?: (since: number) => boolean;
}

const ALLOW = 'POST, OPTIONS';

const UNCACHED: OutgoingHttpHeaders = Object.freeze({ 'Cache-Control': 'no-store' });

/**
 * The RPC endpoint as a plain `(req, res)` function: the same checks whether the server hands it a request directly or
 * Express does. Everything that can be refused without the body is refused before the body is read.
 */
export function createRpcEndpoint(options: RpcEndpointOptions): RequestListener {
  const turn = new Turn();
  return (req, res) => {
    new Exchange(options, req, res, turn).begin();
  };
}

/** One request and its answer. What is known at once is not waited for: every `await` here is one more per request. */
class Exchange {
  readonly #options: RpcEndpointOptions;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  #requestId: string | undefined = undefined;
  /** When the whole of it was there, by `performance.now()`, which costs 0.1 us. */
  #since = 0;
  readonly #version: string | undefined;
  readonly #turn: Turn;
  /** The turn in which the whole of the request was there. */
  #asked = -1;

  constructor(options: RpcEndpointOptions, req: IncomingMessage, res: ServerResponse, turn: Turn) {
    this.#options = options;
    this.#req = req;
    this.#res = res;
    this.#turn = turn;
    this.#version = requestedVersion(req);
  }

  /** Made when it is told first, by an error or a span: for every request it was a hundredth of all its garbage. */
  get requestId(): string {
    return (this.#requestId ??= randomUUID());
  }

  begin(): void {
    const req = this.#req;
    const { isHostAllowed, cors, resolvePrincipal } = this.#options;
    if (!isHostAllowed(req)) {
      this.#turnAway(403, 'INVALID_REQUEST', 'This Host is not served; set A2A_PUBLIC_URL to serve it');
      return;
    }
    if (req.method === 'OPTIONS') {
      refuse(req, this.#res, { status: 204, headers: { Allow: ALLOW, ...cors.preflight(req) } });
      return;
    }
    if (req.method !== 'POST') {
      const message = 'This is a JSON-RPC endpoint: use POST';
      this.#turnAway(405, 'INVALID_REQUEST', message, { Allow: ALLOW });
      return;
    }
    let principal: Principal | Promise<Principal>;
    try {
      principal = resolvePrincipal(req);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (principal instanceof Promise) {
      principal.then(
        (known) => {
          this.#admit(known);
        },
        (error: unknown) => {
          this.#refuse(error);
        },
      );
    } else this.#admit(principal);
  }

  #admit(principal: Principal): void {
    const req = this.#req;
    if (req.destroyed) return;
    if (!isJson(req.headers['content-type']) || req.headers['content-encoding'] !== undefined) {
      const message = 'Content-Type must be application/json, in UTF-8 and not encoded';
      this.#turnAway(415, 'CONTENT_TYPE_NOT_SUPPORTED', message);
      return;
    }
    readBody(req, this.#res, this.#options.bodyMaxBytes, (body) => {
      this.#take(body, principal);
    });
  }

  #take(body: Body, principal: Principal): void {
    const { bodyMaxBytes, wasLateSince = isNeverLate } = this.#options;
    if (body === 'aborted') return;
    if (body === 'too large') {
      this.#turnAway(413, 'INVALID_REQUEST', `The body must be at most ${bodyMaxBytes} bytes`);
      return;
    }
    this.#since = performance.now();
    const left = hasLeft(this.#req, this.#res, wasLateSince, this.#since);
    if (left === true) return;
    if (left === false) this.#trace(body, principal);
    else {
      void left.then((hasGone) => {
        if (!hasGone) this.#trace(body, principal);
      });
    }
  }

  #trace(body: Buffer, principal: Principal): void {
    const { tracing } = this.#options;
    if (tracing === undefined) {
      this.#call(body, principal);
      return;
    }
    tracing.request(this.#req.headers, this.requestId, (span) => {
      this.#res.once('close', () => {
        span.end(this.#res.writableFinished ? 'answered' : 'left');
      });
      this.#call(body, principal, span);
    });
  }

  #call(body: Buffer, principal: Principal, span?: RequestSpan): void {
    const facts = new Facts(this, this.#req, this.#version, principal, this.#since, span);
    this.#asked = this.#turn.number;
    void this.#options.rpc.handle(body, facts).then((response) => {
      this.#answer(response);
    });
  }

  #answer(response: RpcAnswer): void {
    const { isDraining, sse } = this.#options;
    const closing = isDraining() ? { Connection: 'close' } : undefined;
    const common = closing === undefined ? this.#common() : { ...this.#common(), ...closing };
    if ('frames' in response) {
      void writeStream(this.#res, response, { ...response.headers, ...common }, sse);
      return;
    }
    this.#turn.leave(this.#asked, () => {
      respond(this.#res, response, common, response.delivered);
    });
  }

  #common(): OutgoingHttpHeaders {
    const cors = this.#options.cors.headersFor(this.#req);
    return cors === NO_HEADERS ? UNCACHED : { ...cors, ...UNCACHED };
  }

  #turnAway(httpStatus: number, reason: ErrorReason, message: string, headers?: OutgoingHttpHeaders): void {
    this.#refuse(new ProtocolError(reason, { message, httpStatus }), headers);
  }

  #refuse(error: unknown, headers?: OutgoingHttpHeaders): void {
    const refusal = this.#options.rpc.refuse(error, { requestId: this.requestId, version: this.#version });
    const all = { ...refusal.headers, ...this.#common(), ...headers };
    refuse(this.#req, this.#res, { ...refusal, headers: all });
  }
}

const isNeverLate = (): boolean => false;
