import express, { type ErrorRequestHandler, type RequestHandler } from 'express';
import type { IncomingMessage, OutgoingHttpHeaders, RequestListener, ServerResponse } from 'node:http';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Log } from '../observability/log-events.ts';
import { CARD_PATHS } from './card-route.ts';
import { ERASURES_PATH } from './erasure-route.ts';
import { livez, type Readiness, readyz } from './health.ts';
import type { Cors } from './request-guards.ts';
import { type HttpAnswer, jsonAnswer, refusal, refuse, respond } from './respond.ts';

export const RPC_PATHS = ['/a2a', '/'];

export interface RoutesOptions {
  readonly rpcEndpoint: RequestListener;
  readonly card: (req: IncomingMessage) => HttpAnswer | Promise<HttpAnswer>;
  readonly readiness: () => Readiness;
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<string> };
  readonly cors: Cors;
  readonly isHostAllowed: (req: IncomingMessage) => boolean;
  /** Whether who asks may read the metrics. Throws or rejects with a `ProtocolError` that is answered with its `httpStatus`. */
  readonly admitOperator: (req: IncomingMessage) => void | Promise<void>;
  /** Answers what is posted to {@link ERASURES_PATH}. */
  readonly erasures: (req: IncomingMessage, res: ServerResponse) => Promise<void>;
  readonly log: Log;
}

/** Everything that is not on the hot path, and the RPC endpoint once more, so that it can be mounted like any route. */
export function createRoutes(options: RoutesOptions): RequestListener {
  const { cors, metrics, log } = options;
  const routes = express();
  // A proxy that lets nobody to /metrics or /admin has to have said all that there is to say.
  routes.disable('x-powered-by').disable('etag').enable('case sensitive routing');
  routes.all(RPC_PATHS, options.rpcEndpoint);

  const guard: RequestHandler = (req, res, next) => {
    if (!options.isHostAllowed(req)) refuse(req, res, jsonAnswer(403, { error: 'this Host is not served' }));
    else if (req.method === 'OPTIONS') refuse(req, res, { status: 204, headers: cors.preflight(req) });
    else next();
  };
  const get = (
    paths: string | string[],
    answer: (req: IncomingMessage) => HttpAnswer | Promise<HttpAnswer>,
  ): void => {
    routes
      .route(paths)
      .get(async (req, res) => {
        const made = await answer(req);
        respond(res, { ...made, headers: merge(made.headers, cors.headersFor(req)) });
      })
      .all((req, res) => {
        refuse(req, res, jsonAnswer(405, { error: 'use GET' }, { Allow: 'GET, HEAD, OPTIONS' }));
      });
  };
  const fresh = { 'Cache-Control': 'no-store' };

  routes.use(guard);
  get(CARD_PATHS, options.card);
  get('/livez', () => jsonAnswer(livez().status, livez().body, fresh));
  get('/readyz', () => {
    const { status, body } = readyz(options.readiness());
    return jsonAnswer(status, body, fresh);
  });
  get('/metrics', async (req) => {
    try {
      await options.admitOperator(req);
    } catch (error) {
      if (error instanceof ProtocolError) return refusal(error);
      throw error;
    }
    return {
      status: 200,
      headers: { 'Content-Type': metrics.contentType, ...fresh },
      body: await metrics.text(),
    };
  });
  routes
    .route(ERASURES_PATH)
    .post(options.erasures)
    .all((req, res) => {
      refuse(req, res, jsonAnswer(405, { error: 'use POST' }, { Allow: 'POST, OPTIONS' }));
    });
  routes.use((req, res) => {
    refuse(req, res, jsonAnswer(404, { error: 'not found', endpoint: 'POST /a2a', card: CARD_PATHS[0] }));
  });
  routes.use(onError(log));
  return routes;
}

function merge(own: OutgoingHttpHeaders, cors: Readonly<Record<string, string>>): OutgoingHttpHeaders {
  const vary = [own['Vary'], cors['Vary']].filter((value) => value !== undefined).join(', ');
  return { ...own, ...cors, ...(vary === '' ? {} : { Vary: vary }) };
}

/** Four arguments are what makes it an error handler to Express, whose own answers with a page that quotes the error. */
function onError(log: Log): ErrorRequestHandler {
  return (error: unknown, req, res, _next) => {
    log('request_failed', { method: req.method, path: req.path }, error);
    refuse(req, res, jsonAnswer(500, { error: 'internal error' }));
  };
}
