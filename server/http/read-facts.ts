import type { IncomingMessage } from 'node:http';
import type { DurationMs } from '../../protocol/units.ts';
import type { RequestSpan } from '../observability/tracing.ts';
import type { RequestFacts } from '../rpc/request-facts.ts';
import type { Principal } from '../security/principal.ts';

/** Longer than any cursor of ours. */
const LAST_EVENT_ID_MAX_CHARS = 1024;

/** What is known of a call beside its body: who makes it, and the headers that say more of it. */
export class Facts implements RequestFacts {
  readonly version: string | undefined;
  readonly principal: Principal;
  readonly source: IncomingMessage;
  readonly lastEventId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly extensions: readonly string[];
  readonly since: DurationMs;
  readonly span: RequestSpan | undefined;
  readonly #of: Pick<RequestFacts, 'requestId'>;

  /** @param of who makes the request's id, when it is asked for */
  constructor(
    of: Pick<RequestFacts, 'requestId'>,
    req: IncomingMessage,
    version: string | undefined,
    principal: Principal,
    since: DurationMs,
    span: RequestSpan | undefined,
  ) {
    this.#of = of;
    this.version = version;
    this.principal = principal;
    this.source = req;
    // None of ours is that long: what is left of it is a cursor that leads nowhere, like any other.
    this.lastEventId = headerOf(req, 'last-event-id')?.slice(0, LAST_EVENT_ID_MAX_CHARS) || undefined;
    this.idempotencyKey = headerOf(req, 'idempotency-key');
    this.extensions = extensionsOf(req);
    this.since = since;
    this.span = span;
  }

  get requestId(): string {
    return this.#of.requestId;
  }
}

const NONE: readonly string[] = Object.freeze([]);

function extensionsOf(req: IncomingMessage): readonly string[] {
  const named = headerOf(req, 'a2a-extensions');
  const namedEarlier = headerOf(req, 'x-a2a-extensions');
  if (named === undefined && namedEarlier === undefined) return NONE;
  return [...new Set([...listOf(named), ...listOf(namedEarlier)])];
}

function headerOf(req: IncomingMessage, name: string): string | undefined {
  const value = req.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

const listOf = (header = ''): string[] =>
  header
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
