import type {
  CancelTaskParams,
  CreatePushParams,
  DeletePushParams,
  GetPushParams,
  GetTaskParams,
  ListPushParams,
  ListTasksParams,
  PushConfigPage,
  PushConfigView,
  SendParams,
  SendResult,
  StreamEvent,
  SubscribeParams,
  TaskPage,
  TaskView,
} from '../model.ts';
import type { ProtocolError } from '../errors.ts';
import type { JsonValue } from '../units.ts';

/** JSON-RPC `error` member as it goes on the wire. */
export interface WireError {
  code: number;
  message: string;
  data?: JsonValue;
}

/** What a webhook is sent. */
export interface WireNotification {
  /** `Content-Type` of the request. */
  contentType: string;
  body: JsonValue;
}

/** The list of tasks, in the dialect that has it. */
export interface ListCodec {
  decode(params: unknown): ListTasksParams;
  encode(page: TaskPage): JsonValue;
}

/** Webhooks in one dialect. What a dialect has no method for is absent. */
export interface PushCodec {
  decodeCreate(params: unknown): CreatePushParams;
  decodeGet(params: unknown): GetPushParams;
  decodeList?(params: unknown): ListPushParams;
  decodeDelete?(params: unknown): DeletePushParams;
  /** Never shows credentials. @param view undefined: 0.1 is told that there is none */
  encodeConfig(view: PushConfigView | undefined): JsonValue;
  encodeConfigs?(page: PushConfigPage): JsonValue;
  /** The answer to a deletion. */
  encodeDeleted?(): JsonValue;
  /** @param task what 0.x is told instead of the event: the task as it stood */
  encodeNotification(event: StreamEvent, task: TaskView): WireNotification;
}

/**
 * One dialect's wire format. Pure. Every `decode…` takes the raw `params` member and throws a `ProtocolError`
 * INVALID_PARAMS that names every bad field; every `encode…` is total.
 */
export interface Codec {
  decodeSend(params: unknown): SendParams;
  decodeGet(params: unknown): GetTaskParams;
  decodeCancel(params: unknown): CancelTaskParams;
  decodeSubscribe(params: unknown): SubscribeParams;
  /** The task's history is already cut to what was asked for. An empty history is left out. */
  encodeTask(view: TaskView): JsonValue;
  encodeSend(result: SendResult): JsonValue;
  /** The `result` members of the frames that tell this event, at least one: 0.1 is told a task in several. */
  encodeEvent(event: StreamEvent): JsonValue[];
  encodeError(error: ProtocolError): WireError;
  readonly list?: ListCodec;
  readonly push: PushCodec;
}
