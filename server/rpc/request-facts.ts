import { type FieldViolation, invalidParams } from '../../protocol/errors.ts';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { RequestSpan } from '../observability/tracing.ts';
import type { Principal } from '../security/principal.ts';

/** What the transport knows about a request beside its body. Header values as they came: they are checked here, where there is a dialect to complain in. */
export interface RequestFacts {
  /** Made when it is read first: only what is told of the request needs it. */
  readonly requestId: string;
  readonly principal: Principal;
  /** The request itself, to be handed on to whoever is told of a denial. */
  readonly source?: unknown;
  /** The `A2A-Version` header, else the query parameter of that name. */
  readonly version: string | undefined;
  /** The `Last-Event-ID` header. */
  readonly lastEventId?: string | undefined;
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey?: string | undefined;
  /** When the whole request was there, by `performance.now()`. Default: when it is handled. */
  readonly since?: DurationMs;
  /** To be told what the request is. */
  readonly span?: RequestSpan | undefined;
  /** URIs of the `A2A-Extensions` and `X-A2A-Extensions` headers, each once. */
  readonly extensions: readonly string[];
}

export const IDEMPOTENCY_KEY_MAX_BYTES: Bytes = 256;
export const EXTENSIONS_MAX = 32;
export const EXTENSION_MAX_BYTES: Bytes = 2048;

/** @throws {ProtocolError} INVALID_PARAMS that names the header and its bound */
export function checkFacts({ idempotencyKey, extensions }: RequestFacts): void {
  if (idempotencyKey === undefined && extensions.length === 0) return;
  const violations: FieldViolation[] = [];
  // node gives header values as latin1: one character is one byte
  if (idempotencyKey === '' || (idempotencyKey?.length ?? 0) > IDEMPOTENCY_KEY_MAX_BYTES) {
    violations.push({
      field: 'Idempotency-Key',
      description: `must be 1 to ${IDEMPOTENCY_KEY_MAX_BYTES} bytes`,
    });
  }
  if (extensions.length > EXTENSIONS_MAX) {
    violations.push({
      field: 'A2A-Extensions',
      description: `must name at most ${EXTENSIONS_MAX} extensions`,
    });
  }
  if (extensions.some((uri) => uri.length > EXTENSION_MAX_BYTES)) {
    violations.push({
      field: 'A2A-Extensions',
      description: `must name extensions by URIs of at most ${EXTENSION_MAX_BYTES} bytes`,
    });
  }
  if (violations.length > 0) throw invalidParams(...violations);
}
