import type {
  CancelTaskParams,
  Dialect,
  GetTaskParams,
  SendParams,
  SendResult,
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

/** The operations, one method each, the same for all dialects. Every one rejects with a `ProtocolError`, or with anything else for -32603. */
export interface A2AOperations {
  sendMessage(params: SendParams, call: CallContext): Promise<Answer<SendResult>>;
  getTask(params: GetTaskParams, call: CallContext): Promise<Answer<TaskView>>;
  cancelTask(params: CancelTaskParams, call: CallContext): Promise<Answer<TaskView>>;
}
