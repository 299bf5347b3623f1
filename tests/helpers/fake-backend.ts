import type { A2AOperations, Answer, CallContext } from '../../server/a2a/call.ts';
import type { Backend } from '../../server/backend.ts';
import type { Readiness } from '../../server/http/health.ts';
import { taskNotFound } from '../../protocol/errors.ts';
import type {
  CancelTaskParams,
  Dialect,
  GetTaskParams,
  SendParams,
  SendResult,
  TaskView,
} from '../../protocol/model.ts';

type Behaviour = (params: SendParams, call: CallContext) => Promise<Answer<SendResult>>;

/** A task as the fake shows it: completed, with one artifact. */
export function viewOf(id: string, dialect: Dialect, text = 'done'): TaskView {
  return {
    dialect,
    ...(dialect === 'v01' ? { alias: id } : {}),
    task: {
      id,
      contextId: 's1',
      status: { state: 'TASK_STATE_COMPLETED', timestamp: '2026-01-02T12:00:00.000Z' },
      artifacts: [{ artifactId: 'a', parts: [{ text }] }],
      history: [],
    },
  };
}

/** Operations without sessions: what stands behind the doors when only the doors are tested. */
export class FakeBackend implements Backend, A2AOperations {
  readonly operations: A2AOperations = this;
  readonly storeKind = 'fake';
  readonly storeLocation = 'nowhere';
  readonly calls: { operation: string; params: unknown; call: CallContext }[] = [];
  delivered = 0;
  started = 0;
  closed = 0;
  state: Omit<Readiness, 'draining'> = {
    storeAnsweredOnce: true,
    degraded: [],
    pending: { records: 0, bytes: 0 },
  };
  /** What a send does; the default answers with a completed task that is stored. */
  onSend: Behaviour = (params, call) =>
    Promise.resolve({
      result: { kind: 'task', view: viewOf(params.clientTaskId ?? 's1.t1', call.dialect) },
      persistence: 'stored',
      delivered: () => {
        this.delivered++;
      },
    });
  onDrain: () => Promise<void> = () => Promise.resolve();

  sendMessage(params: SendParams, call: CallContext): Promise<Answer<SendResult>> {
    this.calls.push({ operation: 'sendMessage', params, call });
    return this.onSend(params, call);
  }

  getTask(params: GetTaskParams, call: CallContext): Promise<Answer<TaskView>> {
    this.calls.push({ operation: 'getTask', params, call });
    if (params.id === 'unknown') return Promise.reject(taskNotFound(params.id));
    return Promise.resolve({ result: viewOf(params.id, params.id.startsWith('v01') ? 'v01' : 'v03') });
  }

  cancelTask(params: CancelTaskParams, call: CallContext): Promise<Answer<TaskView>> {
    this.calls.push({ operation: 'cancelTask', params, call });
    return Promise.resolve({ result: viewOf(params.id, call.dialect), persistence: 'deferred' });
  }

  readiness(): Omit<Readiness, 'draining'> {
    return this.state;
  }

  start(): Promise<void> {
    this.started++;
    return Promise.resolve();
  }

  drain(): Promise<void> {
    return this.onDrain();
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}
