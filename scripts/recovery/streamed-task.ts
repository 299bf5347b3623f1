import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { TaskSeen } from './recovery-checker.ts';
import { plainState } from './wire.ts';

interface WireArtifact {
  artifactId?: string;
  index?: number;
  append?: boolean;
  parts: { text?: string }[];
}
interface WireEvent {
  id?: string;
  taskId?: string;
  contextId?: string;
  status?: { state: string };
  artifact?: WireArtifact;
  artifacts?: WireArtifact[];
  append?: boolean;
}

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'canceled', 'rejected']);

/** What a client knows of a task of which it has seen nothing but a stream: a fold over its events, in any dialect. */
export class StreamedTask {
  id: string | undefined;
  context = '';
  state = '';
  /** Where the stream is resumed. */
  cursor: string | undefined;
  readonly #artifacts = new Map<string, string[]>();

  get hasEnded(): boolean {
    return ENDED.has(this.state);
  }

  /** The last event had not been stored when it was sent. */
  get isDeferred(): boolean {
    return this.cursor?.includes('~') === true;
  }

  take(result: JsonValue): void {
    const wrapped = result as JsonObject;
    const event = (wrapped['task'] ??
      wrapped['statusUpdate'] ??
      wrapped['artifactUpdate'] ??
      wrapped) as unknown as WireEvent;
    this.id ??= event.taskId ?? event.id;
    this.context = event.contextId ?? this.context;
    if (event.status !== undefined) this.state = plainState(event.status.state);
    // A snapshot takes the place of all that was seen before.
    if (event.status !== undefined && event.taskId === undefined && event.contextId !== undefined) {
      this.#artifacts.clear();
      for (const artifact of event.artifacts ?? []) this.#put(artifact, false);
    }
    if (event.artifact !== undefined)
      this.#put(event.artifact, event.append ?? event.artifact.append ?? false);
  }

  #put({ artifactId, index, parts }: WireArtifact, append: boolean): void {
    const name = artifactId ?? String(index);
    const texts = parts.map(({ text }) => text ?? '');
    this.#artifacts.set(name, append ? [...(this.#artifacts.get(name) ?? []), ...texts] : texts);
  }

  /** @returns undefined before the first event */
  seen(): TaskSeen | undefined {
    const { id, context, state } = this;
    if (id === undefined) return undefined;
    return { id, context, state, artifacts: [...this.#artifacts.values()], userTexts: [] };
  }
}
