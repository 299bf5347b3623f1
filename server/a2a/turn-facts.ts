import type { Message, Task } from '../../protocol/model.ts';
import { type Bytes, type JsonValue } from '../../protocol/units.ts';
import type { SessionView } from '../agents/agent-executor.ts';
import { copyJson } from '../agents/copy-json.ts';
import type { CallFacts, RunFacts } from '../agents/request-context.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import { readSpace } from '../security/space.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { Session } from '../sessions/session.ts';
import type { MessageEntry } from '../sessions/task-content.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { takeCallFacts } from './call-facts.ts';

const STATE_MAX_BYTES: Bytes = 64 * 1024;

/** The message that a turn answers, and what comes with it. */
export interface TurnSource {
  readonly session: LiveSession;
  readonly task: TaskFold;
  readonly entry: MessageEntry;
  readonly taskId: string;
  /** The task as the executor is given it: undefined on its first message. */
  readonly given: Task | undefined;
  /** Those that the executor may see; undefined when the message names none. */
  readonly referenceTasks: readonly Task[] | undefined;
  readonly abort: AbortController;
  /** @param value a copy of the executor's */
  readonly setState: (key: string, value: JsonValue) => void;
}

/** A turn in the words of the executor's context: what costs something is made when it is asked for. */
export class TurnFacts implements RunFacts {
  readonly tenant: string;
  readonly taskId: string;
  readonly contextId: string;
  readonly userMessage: Message;
  readonly task: Task | undefined;
  readonly referenceTasks: readonly Task[] | undefined;
  readonly call: CallFacts | undefined;
  readonly attempt: number;
  readonly resumed: boolean;
  readonly #source: TurnSource;

  constructor(source: TurnSource) {
    const { session, task, entry } = source;
    this.#source = source;
    this.tenant = readSpace(session.ref.tenant).tenant;
    this.taskId = source.taskId;
    this.contextId = session.ref.sessionId;
    this.userMessage = this.#shown(entry);
    this.task = source.given;
    this.referenceTasks = source.referenceTasks;
    this.call = takeCallFacts(entry.message);
    this.attempt = task.attempt;
    this.resumed = task.isResumed;
  }

  get signal(): AbortSignal {
    return this.#source.abort.signal;
  }

  messages(): Message[] {
    const { session, entry } = this.#source;
    return messagesUpTo(session.view, entry).map((said) => this.#shown(said));
  }

  get state(): SessionView['state'] {
    const { session, setState } = this.#source;
    return {
      get: (key) => copyJson(session.draft.agentState(key)),
      set: (key, value) => {
        const json = JSON.stringify(value) as string | undefined;
        if (json === undefined) throw new TypeError(`state ${key}: not JSON`);
        if (Buffer.byteLength(json) > STATE_MAX_BYTES)
          throw new RangeError(`state ${key}: more than ${STATE_MAX_BYTES} bytes of JSON`);
        setState(key, JSON.parse(json) as JsonValue);
      },
    };
  }

  #shown({ message, task }: MessageEntry): Message {
    const taskId = task === this.#source.task.local ? this.taskId : joinTaskId(this.contextId, task);
    const { messageId, parts, role, extensions, metadata, referenceTaskIds } = message;
    // Member by member: messages have many shapes, and a spread of one is a call into the engine.
    const shown: Message = { messageId, parts, role, contextId: this.contextId, taskId };
    if (extensions !== undefined) shown.extensions = extensions;
    if (metadata !== undefined) shown.metadata = metadata;
    if (referenceTaskIds !== undefined) shown.referenceTaskIds = referenceTaskIds;
    return shown;
  }
}

/** A copy of the conversation that ends with one message, which may have been renumbered since. */
function messagesUpTo(session: Session, last: MessageEntry): MessageEntry[] {
  const all = [...session.messages];
  const index = all.findLastIndex(({ message, n }) => message === last.message || n === last.n);
  return all.slice(0, index + 1);
}
