import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { WireError } from '../../protocol/dialects/codec.ts';
import { type ErrorReason, ProtocolError } from '../../protocol/errors.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { Log } from '../observability/log-events.ts';
import { CHALLENGE } from '../security/principal.ts';
import { SessionDamagedError, StoreUnavailableError } from '../sessions/session-store.ts';
import type { RequestFacts } from './request-facts.ts';

/** An error as it leaves the server. */
export interface RpcFailure {
  readonly reason: ErrorReason;
  readonly error: WireError;
  readonly httpStatus: number;
  /** `Retry-After` and `WWW-Authenticate`, where the status has them. */
  readonly headers: Readonly<Record<string, string>>;
}

const RETRY_AFTER_MS = 1000;
const UNAUTHORIZED = 401;
const HAS_RETRY_AFTER: ReadonlySet<number> = new Set([429, 503]);

/** The one place where an error becomes wire. What is not meant for the caller is logged here, and only here. */
export function toRpcError(
  error: unknown,
  dialect: Dialect,
  request: Pick<RequestFacts, 'requestId'>,
  log: Log,
): RpcFailure {
  const told = toProtocolError(error) ?? internalError(error, request.requestId, log);
  const { httpStatus } = told;
  const headers: Record<string, string> = {};
  if (HAS_RETRY_AFTER.has(httpStatus)) {
    headers['Retry-After'] = String(Math.ceil((told.retryAfterMs ?? RETRY_AFTER_MS) / 1000));
  }
  const challenge = told.challenge ?? (httpStatus === UNAUTHORIZED ? CHALLENGE : undefined);
  if (challenge !== undefined) headers['WWW-Authenticate'] = challenge;
  return { reason: told.reason, error: CODECS[dialect].encodeError(told), httpStatus, headers };
}

function internalError(error: unknown, requestId: string, log: Log): ProtocolError {
  log('request_failed', { requestId }, error);
  return new ProtocolError('INTERNAL', { metadata: { requestId } });
}

function toProtocolError(error: unknown): ProtocolError | undefined {
  if (error instanceof ProtocolError) return error;
  if (error instanceof StoreUnavailableError) {
    return new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: RETRY_AFTER_MS, cause: error });
  }
  if (error instanceof SessionDamagedError) return new ProtocolError('SESSION_DAMAGED', { cause: error });
  return undefined;
}
