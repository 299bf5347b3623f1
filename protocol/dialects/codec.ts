import type { CancelTaskParams, GetTaskParams, SendParams, SendResult, TaskView } from '../model.ts';
import type { ProtocolError } from '../errors.ts';
import type { JsonValue } from '../units.ts';

/** JSON-RPC `error` member as it goes on the wire. */
export interface WireError {
  code: number;
  message: string;
  data?: JsonValue;
}

/**
 * One dialect's wire format. Pure. Every `decode…` takes the raw `params` member and throws a `ProtocolError`
 * INVALID_PARAMS that names every bad field; every `encode…` is total.
 */
export interface Codec {
  decodeSend(params: unknown): SendParams;
  decodeGet(params: unknown): GetTaskParams;
  decodeCancel(params: unknown): CancelTaskParams;
  /** The task's history is already cut to what was asked for. An empty history is left out. */
  encodeTask(view: TaskView): JsonValue;
  encodeSend(result: SendResult): JsonValue;
  encodeError(error: ProtocolError): WireError;
}
