/**
 * Errors that are meant for the caller. Codes per dialect: A2A 1.0 §5.4, 0.3 §8, 0.1 §8; -32006…-32011 mean other
 * things in 0.1 than later, so a code is chosen by name and dialect, never copied between dialects.
 */
import type { Dialect } from './model.ts';
import type { DurationMs } from './units.ts';

interface ErrorRow {
  /** JSON-RPC code in each dialect. */
  readonly code: Readonly<Record<Dialect, number>>;
  /** What is said when the thrower has nothing better to say. */
  readonly message: string;
  /** When a caller meets it. Published in docs/errors.md. */
  readonly when: string;
}

const everywhere = (code: number): Record<Dialect, number> => ({ v1: code, v03: code, v01: code });

/** Key = `google.rpc.ErrorInfo.reason` (A2A 1.0 §9.5). */
export const ERRORS = {
  JSON_PARSE: {
    code: everywhere(-32700),
    message: 'Invalid JSON payload',
    when: 'The body is not JSON, is not UTF-8, or is nested too deeply.',
  },
  INVALID_REQUEST: {
    code: everywhere(-32600),
    message: 'Request payload validation error',
    when: 'The body is JSON but not one JSON-RPC 2.0 request: a batch, a missing id, a wrong version; or it is too large.',
  },
  METHOD_NOT_FOUND: {
    code: everywhere(-32601),
    message: 'Method not found',
    when: 'The method does not exist in the A2A version that the request asks for.',
  },
  INVALID_PARAMS: {
    code: everywhere(-32602),
    message: 'Invalid parameters',
    when: 'A parameter is missing, of the wrong type or out of its bounds. Every bad field is named.',
  },
  INTERNAL: {
    code: everywhere(-32603),
    message: 'Internal error',
    when: 'Something failed in the server. The log has the cause under the same request id.',
  },
  STORE_UNAVAILABLE: {
    code: everywhere(-32603),
    message: 'store unavailable',
    when: 'The store is away and the answer cannot be given from memory. Retry later.',
  },
  SESSION_DAMAGED: {
    code: everywhere(-32603),
    message: 'damaged',
    when: 'The stored session cannot be read or changed. The runbook has the repair; nothing was written.',
  },
  SESSION_BUSY: {
    code: everywhere(-32603),
    message: 'session is busy',
    when: 'Other instances kept changing the session for 2 s. Retry later.',
  },
  RESOURCE_EXHAUSTED: {
    code: { v1: -32603, v03: -32603, v01: -32011 },
    message: 'the server cannot take more work now',
    when: 'Too much is waiting for the store, or a bound of the server is reached: HTTP 503. A limit of the caller is reached: HTTP 429. Both with Retry-After.',
  },
  TASK_NOT_FOUND: {
    code: everywhere(-32001),
    message: 'Task not found',
    when: 'The task does not exist, has expired, was deleted, or is not visible to the caller.',
  },
  TASK_NOT_CANCELABLE: {
    code: everywhere(-32002),
    message: 'Task cannot be canceled',
    when: 'The task has already ended.',
  },
  PUSH_NOTIFICATION_NOT_SUPPORTED: {
    code: everywhere(-32003),
    message: 'Push notifications are not supported',
    when: 'A webhook was asked for and the agent card says that there are none.',
  },
  UNSUPPORTED_OPERATION: {
    code: everywhere(-32004),
    message: 'This operation is not supported',
    when: 'The operation is not offered, or the task is in a state that does not allow it.',
  },
  CONTENT_TYPE_NOT_SUPPORTED: {
    code: everywhere(-32005),
    message: 'Content type not supported',
    when: 'The HTTP Content-Type is not application/json (HTTP 415), or a part has a media type the agent does not take.',
  },
  INVALID_AGENT_RESPONSE: {
    code: { v1: -32006, v03: -32006, v01: -32603 },
    message: 'The agent gave an invalid response',
    when: 'The agent produced something that A2A does not allow.',
  },
  EXTENDED_AGENT_CARD_NOT_CONFIGURED: {
    code: { v1: -32007, v03: -32007, v01: -32004 },
    message: 'There is no extended agent card',
    when: 'The agent card promises an extended card and none is configured for this caller.',
  },
  EXTENSION_SUPPORT_REQUIRED: {
    code: { v1: -32008, v03: -32008, v01: -32004 },
    message: 'The agent requires an extension that the client does not declare',
    when: 'The agent card marks an extension as required and the request does not name it in A2A-Extensions (0.3: X-A2A-Extensions).',
  },
  UNAUTHENTICATED: {
    code: { v1: -32600, v03: -32600, v01: -32007 },
    message: 'Authentication is required',
    when: 'Credentials are missing or wrong. HTTP 401 with WWW-Authenticate.',
  },
  AUTHENTICATION_UNAVAILABLE: {
    code: everywhere(-32603),
    message: 'Credentials cannot be checked now',
    when: 'The keys that tokens are verified with cannot be had. HTTP 503 with Retry-After.',
  },
  PERMISSION_DENIED: {
    code: { v1: -32600, v03: -32600, v01: -32008 },
    message: 'Permission is denied',
    when: 'The caller lacks the role that the operation needs. HTTP 403.',
  },
  VERSION_NOT_SUPPORTED: {
    code: { v1: -32009, v03: -32009, v01: -32600 },
    message: 'A2A version is not supported',
    when: 'The A2A-Version header names a version that is not served, or a 1.0 method comes without the header.',
  },
  INVALID_TASK_STATE: {
    code: { v1: -32004, v03: -32004, v01: -32009 },
    message: 'The task has ended and takes no more messages',
    when: 'A message was sent to a task in a terminal state.',
  },
} as const satisfies Record<string, ErrorRow>;

export type ErrorReason = keyof typeof ERRORS;

export interface FieldViolation {
  /** Path of the field in the caller's own spelling, e.g. `message.parts[0].text`. */
  field: string;
  description: string;
}

export interface ProtocolErrorDetails {
  message?: string;
  /** Strings only: `google.rpc.ErrorInfo.metadata` is a map of strings. */
  metadata?: Record<string, string>;
  violations?: FieldViolation[];
  /** Advice in `google.rpc.RetryInfo`, and in `Retry-After` where the HTTP status has it. */
  retryAfterMs?: DurationMs;
  /** Other than 200 only for the transport faults that architecture.md lists. */
  httpStatus?: number;
  /** Goes out as `WWW-Authenticate`. RFC 9110 §11.6.1. */
  challenge?: string;
  cause?: unknown;
}

/** An error whose code and message are meant for the caller. Anything else that is thrown leaves as -32603. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
  readonly reason: ErrorReason;
  readonly metadata: Record<string, string>;
  readonly violations: readonly FieldViolation[];
  readonly retryAfterMs: DurationMs | undefined;
  readonly httpStatus: number;
  readonly challenge: string | undefined;

  constructor(reason: ErrorReason, details: ProtocolErrorDetails = {}) {
    super(details.message ?? ERRORS[reason].message, { cause: details.cause });
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.retryAfterMs = details.retryAfterMs;
    this.httpStatus = details.httpStatus ?? 200;
    this.challenge = details.challenge;
  }

  /** JSON-RPC `error.code` in a dialect. Not named `code`: jayson sends an Error with a `code` as it is, without its message. */
  rpcCode(dialect: Dialect): number {
    return ERRORS[this.reason].code[dialect];
  }
}

/** -32602 that names every bad field. */
export function invalidParams(...violations: FieldViolation[]): ProtocolError {
  const message = `Invalid parameters: ${violations.map((v) => `${v.field} ${v.description}`).join('; ')}`;
  return new ProtocolError('INVALID_PARAMS', { message, violations });
}

export function taskNotFound(taskId: string): ProtocolError {
  return new ProtocolError('TASK_NOT_FOUND', { metadata: { taskId } });
}

/** What cannot be known or promised while the store is away. */
export function storeUnavailable(cause?: unknown): ProtocolError {
  return new ProtocolError('STORE_UNAVAILABLE', { retryAfterMs: 1_000, cause });
}
