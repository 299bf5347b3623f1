import type {
  CancelTaskParams,
  CreatePushParams,
  DeletePushParams,
  Dialect,
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
  TaskNames,
  TaskPage,
  TaskView,
} from '../../protocol/model.ts';
import type { Principal } from '../security/principal.ts';

/** Built once per request and never replaced. */
export interface CallContext {
  readonly requestId: string;
  readonly principal: Principal;
  readonly dialect: Dialect;
  /** A name that 0.1 and 0.3 share came without a version: the task's own dialect decides the answer. */
  readonly legacy: boolean;
  /** `Last-Event-ID`: where a stream is to be resumed. */
  readonly lastEventId?: string;
  /** `Idempotency-Key`: this send is to be done once, even when its answer has been delivered. */
  readonly idempotencyKey?: string;
  /** URIs of the extensions that the client asked for and the agent card offers. */
  readonly extensions?: readonly string[] | undefined;
}

/** Whether everything that the answer tells is in the store. */
export type Persistence = 'stored' | 'deferred';

export interface Answer<R> {
  readonly result: R;
  /** Goes out as `A2A-Persistence`. Absent on reads that were not answered from memory alone. */
  readonly persistence?: Persistence;
  /** To be called when the last byte of the answer was handed to the socket without error. */
  readonly delivered?: () => void;
}

/** One event and where it leaves its reader. */
export interface StreamFrame {
  readonly event: StreamEvent;
  /** The SSE `id`: `Last-Event-ID` resumes behind this event. */
  readonly cursor: string;
  /** Where other streams tell the same event. */
  readonly texts?: EventTexts | undefined;
}

/** The JSON of an event for all who tell it: made by the first of them. */
export interface EventTexts {
  /** @param make the frames of the event in that dialect */
  in(dialect: Dialect, make: (event: StreamEvent) => readonly string[]): readonly string[];
}

export interface StreamFrames extends AsyncIterable<StreamFrame> {
  /** What is known already, in place of `next`: a promise for each of many frames costs more than the frames. */
  ready?(): StreamFrame | undefined;
}

/** An answer in many parts. Whoever takes it has to exhaust `frames` or to return its iterator. */
export interface StreamAnswer {
  /** In journal order. Pulled, never pushed: a reader that does not ask costs nothing. Ends when the stream is over. */
  readonly frames: StreamFrames;
  /** Whose stream it is, for the choice of the dialect. */
  readonly of: TaskNames;
  readonly persistence?: Persistence;
  /** To be called when the last byte of the last frame was handed to the socket without error. */
  readonly delivered?: () => void;
}

/** The operations, one method each, the same for all dialects. Every one rejects with a `ProtocolError`, or with anything else for -32603. */
export interface A2AOperations {
  sendMessage(params: SendParams, call: CallContext): Promise<Answer<SendResult>>;
  sendStreamingMessage(params: SendParams, call: CallContext): Promise<StreamAnswer>;
  getTask(params: GetTaskParams, call: CallContext): Promise<Answer<TaskView>>;
  listTasks(params: ListTasksParams, call: CallContext): Promise<Answer<TaskPage>>;
  cancelTask(params: CancelTaskParams, call: CallContext): Promise<Answer<TaskView>>;
  subscribeToTask(params: SubscribeParams, call: CallContext): Promise<StreamAnswer>;
  /** @returns undefined when a 0.1 client took its webhook away */
  createPushConfig(params: CreatePushParams, call: CallContext): Promise<Answer<PushConfigView | undefined>>;
  /** @returns undefined for a 0.1 client whose task has none */
  getPushConfig(params: GetPushParams, call: CallContext): Promise<Answer<PushConfigView | undefined>>;
  listPushConfigs(params: ListPushParams, call: CallContext): Promise<Answer<PushConfigPage>>;
  deletePushConfig(params: DeletePushParams, call: CallContext): Promise<Answer<undefined>>;
}
