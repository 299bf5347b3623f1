import type { A2AOperations, Answer, CallContext, StreamAnswer } from '../../server/a2a/call.ts';
import type { Backend } from '../../server/backend.ts';
import type { ErasureTarget } from '../../server/sessions/erasure-store.ts';
import type { ErasureReport } from '../../server/sessions/eraser.ts';
import type { Readiness } from '../../server/http/health.ts';
import { taskNotFound } from '../../protocol/errors.ts';
import type {
  CancelTaskParams,
  CreatePushParams,
  DeletePushParams,
  Dialect,
  GetPushParams,
  GetTaskParams,
  ListPushParams,
  ListTasksParams,
  PushConfig,
  PushConfigPage,
  PushConfigView,
  SendParams,
  SendResult,
  SubscribeParams,
  TaskPage,
  TaskView,
} from '../../protocol/model.ts';
import { chunkEvent, ScriptedStream, statusEvent, taskEvent } from './scripted-stream.ts';

type Streaming = (call: CallContext) => StreamAnswer | Promise<StreamAnswer>;
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

const HOOK = 'https://hook.example';

const configOf = (taskId: string, config: PushConfig): PushConfigView => ({
  taskId,
  config: { id: taskId, ...config },
});

const NOTHING_ERASED: ErasureReport = {
  ...{ sessions: 0, records: 0, bytes: 0, tasks: 0, aliases: 0 },
  ...{ cachedSessions: 0, waitingRecords: 0, instances: 1, unanswered: [], unattributed: 0 },
};

/** Operations without sessions: what stands behind the doors when only the doors are tested. */
export class FakeBackend implements Backend, A2AOperations {
  readonly operations: A2AOperations = this;
  readonly storeKind = 'fake';
  readonly storeLocation = 'nowhere';
  readonly erase = (target: ErasureTarget): Promise<ErasureReport> => {
    this.erased.push(target);
    return this.onErase();
  };
  /** How that ends; the default: nothing was there. */
  onErase: () => Promise<ErasureReport> = () => Promise.resolve(NOTHING_ERASED);
  readonly calls: { operation: string; params: unknown; call: CallContext }[] = [];
  delivered = 0;
  started = 0;
  closed = 0;
  state: Omit<Readiness, 'draining'> = {
    storeAnsweredOnce: true,
    degraded: [],
    pending: { records: 0, bytes: 0 },
  };
  /** What was asked to be erased. */
  readonly erased: ErasureTarget[] = [];
  /** What a send does; the default answers with a completed task that is stored. */
  onSend: Behaviour = (params, call) =>
    Promise.resolve({
      result: { kind: 'task', view: viewOf(params.clientTaskId ?? 's1.t1', call.dialect) },
      persistence: 'stored',
      delivered: () => {
        this.delivered++;
      },
    });
  /** What a stream tells; the default: a task, a chunk, its completion. */
  onStream: Streaming = ({ dialect }) =>
    this.streamOf(
      new ScriptedStream(
        taskEvent({ dialect }),
        chunkEvent('hello', { dialect }),
        statusEvent('TASK_STATE_COMPLETED', true, { dialect }),
        'end',
      ),
      dialect,
    );
  onDrain: () => Promise<void> = () => Promise.resolve();

  sendMessage(params: SendParams, call: CallContext): Promise<Answer<SendResult>> {
    this.calls.push({ operation: 'sendMessage', params, call });
    return this.onSend(params, call);
  }

  /** A stream of a task that a dialect made, stored. */
  streamOf(frames: ScriptedStream, dialect: Dialect = 'v1'): StreamAnswer {
    return {
      frames,
      of: { dialect },
      persistence: 'stored',
      delivered: () => {
        this.delivered++;
      },
    };
  }

  async sendStreamingMessage(params: SendParams, call: CallContext): Promise<StreamAnswer> {
    this.calls.push({ operation: 'sendStreamingMessage', params, call });
    return await this.onStream(call);
  }

  async subscribeToTask(params: SubscribeParams, call: CallContext): Promise<StreamAnswer> {
    this.calls.push({ operation: 'subscribeToTask', params, call });
    if (params.id === 'unknown') throw taskNotFound(params.id);
    return await this.onStream(call);
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

  listTasks(params: ListTasksParams, call: CallContext): Promise<Answer<TaskPage>> {
    this.calls.push({ operation: 'listTasks', params, call });
    const { pageSize = 50, includeArtifacts } = params;
    const tasks = [viewOf('s1.t1', 'v1')];
    return Promise.resolve({
      result: { tasks, nextPageToken: '', pageSize, totalSize: tasks.length, includeArtifacts },
    });
  }

  createPushConfig(params: CreatePushParams, call: CallContext): Promise<Answer<PushConfigView | undefined>> {
    this.calls.push({ operation: 'createPushConfig', params, call });
    const result = params.config === null ? undefined : configOf(params.taskId, params.config);
    return Promise.resolve({ result, persistence: 'stored' });
  }

  getPushConfig(params: GetPushParams, call: CallContext): Promise<Answer<PushConfigView | undefined>> {
    this.calls.push({ operation: 'getPushConfig', params, call });
    const { id = params.taskId } = params;
    const result = id === 'none' ? undefined : configOf(params.taskId, { id, url: HOOK });
    return Promise.resolve({ result });
  }

  listPushConfigs(params: ListPushParams, call: CallContext): Promise<Answer<PushConfigPage>> {
    this.calls.push({ operation: 'listPushConfigs', params, call });
    const configs = [configOf(params.taskId, { id: 'c1', url: HOOK })];
    return Promise.resolve({ result: { configs, nextPageToken: '' } });
  }

  deletePushConfig(params: DeletePushParams, call: CallContext): Promise<Answer<undefined>> {
    this.calls.push({ operation: 'deletePushConfig', params, call });
    return Promise.resolve({ result: undefined, persistence: 'stored' });
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
