import type { Message, Task } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import type { CallView, RequestContext, SendRequest, SessionView } from './agent-executor.ts';
import type { AgentFormat } from './agent-format.ts';
import { copyJson } from './copy-json.ts';
import { type Form, FORMS } from './forms.ts';

/** What the instance that took a message knows of its call beside the message. */
export interface CallFacts {
  readonly user: { readonly isAuthenticated: boolean; readonly userName: string };
  readonly version: string;
  readonly extensions: readonly string[] | undefined;
  readonly acceptedOutputModes: readonly string[] | undefined;
  readonly historyLength: number | undefined;
  readonly blocking: boolean;
  readonly metadata: JsonObject | undefined;
}

/** One run, in the words of protocol/model.ts. Nothing of it is handed out itself but the signal and the state. */
export interface RunFacts {
  readonly tenant: string;
  readonly taskId: string;
  readonly contextId: string;
  readonly userMessage: Message;
  readonly task: Task | undefined;
  readonly referenceTasks: readonly Task[] | undefined;
  /** Undefined when this instance does not know the call any more. */
  readonly call: CallFacts | undefined;
  readonly attempt: number;
  readonly resumed: boolean;
  /** Asked for when an executor reads it: a signal costs more than the rest of the context. */
  readonly signal: AbortSignal;
  readonly messages: () => readonly Message[];
  readonly state: SessionView['state'];
}

/** The members of a context that few executors read: each is made when it is read first. */
class LateMembers {
  readonly #facts: RunFacts;
  readonly #form: Form;
  readonly #userMessage: Message;
  #request: SendRequest | undefined;
  #context: CallView | undefined;
  #session: SessionView | undefined;

  constructor(facts: RunFacts, form: Form, userMessage: Message) {
    this.#facts = facts;
    this.#form = form;
    this.#userMessage = userMessage;
  }

  get request(): SendRequest {
    return (this.#request ??= toRequest(this.#facts, this.#userMessage));
  }
  get context(): CallView {
    return (this.#context ??= toCallView(this.#facts));
  }
  get signal(): AbortSignal {
    return this.#facts.signal;
  }
  get session(): SessionView {
    return (this.#session ??= toSessionView(this.#facts, this.#form));
  }
}

type Late = Pick<RequestContext, 'request' | 'context' | 'signal' | 'session'>;

/** Under which a context has its {@link LateMembers}. A symbol, so that they are found through a proxy or an heir too. */
const LATE = Symbol('late');

class Context {
  readonly taskId: string;
  readonly contextId: string;
  readonly userMessage: Message;
  readonly task: Task | undefined;
  readonly referenceTasks: readonly Task[] | undefined;
  readonly attempt: number;
  readonly resumed: boolean;
  readonly [LATE]: LateMembers;

  constructor(facts: RunFacts, form: Form) {
    this.taskId = facts.taskId;
    this.contextId = facts.contextId;
    this.userMessage = form.message(facts.userMessage);
    this.task = facts.task && form.task(facts.task);
    this.referenceTasks = facts.referenceTasks?.map((task) => form.task(task));
    this.attempt = facts.attempt;
    this.resumed = facts.resumed;
    this[LATE] = new LateMembers(facts, form, this.userMessage);
  }
}

/** Members of the context itself, enumerable, and to be overwritten: whoever spreads or changes it finds plain ones. */
const LATE_MEMBERS = (['request', 'context', 'signal', 'session'] as const).map((name: keyof Late) => {
  const descriptor = {
    get(this: Context): Late[typeof name] {
      return this[LATE][name];
    },
    set(this: Context, value: unknown): void {
      Object.defineProperty(this, name, { value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: true,
    configurable: true,
  };
  return [name, descriptor] as const;
});

export function createRequestContext(facts: RunFacts, format: AgentFormat): RequestContext {
  const context = new Context(facts, FORMS[format]);
  for (const [name, descriptor] of LATE_MEMBERS) Object.defineProperty(context, name, descriptor);
  return context as Context & Late;
}

function toSessionView(facts: RunFacts, form: Form): SessionView {
  return {
    id: facts.contextId,
    get messages() {
      return facts.messages().map((message) => form.message(message));
    },
    state: facts.state,
  };
}

function toRequest({ tenant, call }: RunFacts, message: Message): SendRequest {
  const configuration = call && {
    acceptedOutputModes: [...(call.acceptedOutputModes ?? [])],
    historyLength: call.historyLength,
    returnImmediately: !call.blocking,
    taskPushNotificationConfig: undefined,
  };
  return { tenant, message, configuration, metadata: copyJson(call?.metadata) };
}

function toCallView({ tenant, call }: RunFacts): CallView {
  let activated: string[] | undefined;
  return {
    tenant,
    user: call && { ...call.user },
    requestedVersion: call?.version,
    requestedExtensions: call?.extensions && [...call.extensions],
    get activatedExtensions() {
      return activated;
    },
    addActivatedExtension(uri) {
      activated = [...new Set([...(activated ?? []), uri])];
    },
    state: new Map(),
  };
}
