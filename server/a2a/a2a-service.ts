import { LRUCache } from 'lru-cache';
import type {
  CancelTaskParams,
  GetTaskParams,
  SendParams,
  SendResult,
  TaskView,
} from '../../protocol/model.ts';
import type { A2AParts } from './a2a-parts.ts';
import type { A2AOperations, Answer, CallContext } from './call.ts';
import { cancelTask } from './cancel-task.ts';
import { getTask } from './get-task.ts';
import { sendMessage } from './send-message.ts';

const ALIAS_HINTS_MAX = 10_000;

/** The operations of A2A on the sessions of this process. */
export class A2AService implements A2AOperations {
  readonly #parts: A2AParts;

  constructor(parts: Omit<A2AParts, 'aliasHints'>) {
    this.#parts = { ...parts, aliasHints: new LRUCache({ max: ALIAS_HINTS_MAX }) };
  }

  sendMessage(params: SendParams, call: CallContext): Promise<Answer<SendResult>> {
    return sendMessage(this.#parts, params, call);
  }

  getTask(params: GetTaskParams, call: CallContext): Promise<Answer<TaskView>> {
    return getTask(this.#parts, params, call);
  }

  cancelTask(params: CancelTaskParams, call: CallContext): Promise<Answer<TaskView>> {
    return cancelTask(this.#parts, params, call);
  }
}
