import type {
  Message,
  StreamEvent,
  TaskArtifactUpdate,
  TaskNames,
  TaskStatus,
} from '../../protocol/model.ts';
import type { TaskState } from '../../protocol/task-state.ts';
import { toTimestamp, type EpochMs, type JsonObject } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { ArtifactRecord, RecordBody, StatusRecord, StoredMessage } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import { toCancelMetadata } from '../sessions/task-cancel.ts';
import { TaskFold } from '../sessions/task-fold.ts';

/** What the records of one task are told as: the same event to everybody, whenever it is read. */
export class TaskEvents {
  readonly #session: LiveSession;
  readonly #local: string;
  readonly #contextId: string;
  readonly #taskId: string;
  readonly #names: TaskNames;
  /** Positions of the artifacts by id. They never change: a task only gets more of them. */
  readonly #indexes = new Map<string, number>();

  constructor(session: LiveSession, local: string, names: TaskNames) {
    this.#session = session;
    this.#local = local;
    this.#contextId = session.ref.sessionId;
    this.#taskId = joinTaskId(this.#contextId, local);
    this.#names = names;
  }

  /**
   * @param final the stream ends after it
   * @returns undefined for what is no event of a task
   */
  toEvent(body: RecordBody, final: boolean): StreamEvent | undefined {
    switch (body.t) {
      case 'task': {
        const task = new TaskFold(body).toTask(this.#contextId);
        return { kind: 'task', view: { task, ...this.#names }, final };
      }
      case 'run':
        return this.#status(this.#toStatus('TASK_STATE_WORKING', body.at), final);
      case 'status': {
        const metadata = this.#metadataOf(body);
        const event = this.#status(this.#toStatus(body.state, body.at, body.message), final);
        return metadata === undefined ? event : { ...event, update: { ...event.update, metadata } };
      }
      case 'artifact':
        // Written when a task has ended, for those who were not there.
        return body.whole === true ? undefined : this.#artifact(body);
      case 'reply':
        return { kind: 'message', message: { ...body.message, contextId: this.#contextId } };
      default:
        return undefined;
    }
  }

  #toStatus(state: TaskState, at: EpochMs, message?: StoredMessage): TaskStatus {
    const status = { state, timestamp: toTimestamp(at) };
    if (message === undefined) return status;
    const shown: Message = { ...message, taskId: this.#taskId, contextId: this.#contextId };
    return { ...status, message: shown };
  }

  /** The end of a canceled task says what became of the cancel. It is over, so that is the same whenever it is read. */
  #metadataOf({ state, metadata }: StatusRecord): JsonObject | undefined {
    const cancel = state === 'TASK_STATE_CANCELED' && this.#session.view.task(this.#local)?.cancel;
    return cancel ? { ...metadata, ...toCancelMetadata(cancel) } : metadata;
  }

  #status(status: TaskStatus, final: boolean): StreamEvent & { kind: 'statusUpdate' } {
    const update = { taskId: this.#taskId, contextId: this.#contextId, status };
    return { kind: 'statusUpdate', update, of: this.#names, final };
  }

  #artifact({ artifact, append, last, metadata }: ArtifactRecord): StreamEvent {
    const update: TaskArtifactUpdate = { taskId: this.#taskId, contextId: this.#contextId, artifact };
    if (append === true) update.append = append;
    if (last !== undefined) update.lastChunk = last;
    if (metadata !== undefined) update.metadata = metadata;
    return { kind: 'artifactUpdate', update, of: this.#names, index: this.#indexOf(artifact.artifactId) };
  }

  #indexOf(artifactId: string): number {
    const known = this.#indexes.get(artifactId);
    if (known !== undefined) return known;
    const artifacts = this.#session.view.task(this.#local)?.artifacts.entries() ?? [];
    let index = 0;
    for (const [id] of artifacts) this.#indexes.set(id, index++);
    // One that did not come to stand in the journal as it was told.
    return this.#indexes.get(artifactId) ?? index;
  }
}
