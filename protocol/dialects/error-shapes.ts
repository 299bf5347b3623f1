import type { ErrorReason, ProtocolError } from '../errors.ts';
import type { Dialect } from '../model.ts';
import type { DurationMs, JsonObject } from '../units.ts';
import type { WireError } from './codec.ts';
import { unlessEmpty } from './present.ts';

const TYPE = 'type.googleapis.com/google.rpc.';
const DOMAIN = 'a2a-protocol.org';

/** Reasons of ours that 1.0 has another name for; the others are the names of its errors, or it has none. */
const SPEC_REASON: Readonly<Partial<Record<ErrorReason, string>>> = {
  // 1.0 has one error for all that a task's state forbids (A2A 1.0 §3.1.1)
  INVALID_TASK_STATE: 'UNSUPPORTED_OPERATION',
};

/** Milliseconds as ProtoJSON writes a `google.protobuf.Duration`: `1.5s`. */
function toDuration(spanMs: DurationMs): string {
  return `${Math.max(0, Math.ceil(spanMs)) / 1000}s`;
}

function retryInfo(error: ProtocolError): JsonObject[] {
  if (error.retryAfterMs === undefined) return [];
  return [{ '@type': `${TYPE}RetryInfo`, retryDelay: toDuration(error.retryAfterMs) }];
}

function violations(error: ProtocolError): JsonObject[] {
  return error.violations.map(({ field, description }) => ({ field, description }));
}

/** A2A 1.0 §9.5: `data` is a list of details, each with its `@type`; the first says which error it is. */
export function toV1Error(error: ProtocolError): WireError {
  const data: JsonObject[] = [
    {
      '@type': `${TYPE}ErrorInfo`,
      reason: SPEC_REASON[error.reason] ?? error.reason,
      domain: DOMAIN,
      metadata: { ...error.metadata },
    },
  ];
  if (error.violations.length > 0) {
    data.push({ '@type': `${TYPE}BadRequest`, fieldViolations: violations(error) });
  }
  data.push(...retryInfo(error));
  return { code: error.rpcCode('v1'), message: error.message, data };
}

/**
 * A2A 0.3 §6.12 lets `data` be anything, 0.1 wants an object. Ours holds the error's metadata as members, the bad
 * fields under `violations` and retry advice under `details`, in the shape that 1.0 gives it.
 */
export function toLegacyError(error: ProtocolError, dialect: Exclude<Dialect, 'v1'>): WireError {
  const details = retryInfo(error);
  const data = unlessEmpty<JsonObject>({
    ...error.metadata,
    ...(error.violations.length > 0 ? { violations: violations(error) } : {}),
    ...(details.length > 0 ? { details } : {}),
  });
  const shown = { code: error.rpcCode(dialect), message: error.message };
  return data === undefined ? shown : { ...shown, data };
}
