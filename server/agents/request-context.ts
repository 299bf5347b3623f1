import type { Message, Task } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';
import type { CallView, RequestContext, SendRequest, SessionView } from './agent-executor.ts';
import type { AgentFormat } from './agent-format.ts';
import { FORMS } from './forms.ts';

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

/** One run, in the words of protocol/model.ts. Nothing of it is handed out itself. */
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
  readonly signal: AbortSignal;
  readonly messages: () => readonly Message[];
  readonly state: SessionView['state'];
}

export function createRequestContext(facts: RunFacts, format: AgentFormat): RequestContext {
  const { taskId, contextId, attempt, resumed, signal, state } = facts;
  const form = FORMS[format];
  const userMessage = form.message(facts.userMessage);
  return {
    taskId,
    contextId,
    userMessage,
    task: facts.task && form.task(facts.task),
    referenceTasks: facts.referenceTasks?.map((task) => form.task(task)),
    request: toRequest(facts, userMessage),
    context: toCallView(facts),
    signal,
    attempt,
    resumed,
    session: {
      id: contextId,
      get messages() {
        return facts.messages().map((message) => form.message(message));
      },
      state,
    },
  };
}

function toRequest({ tenant, call }: RunFacts, message: Message): SendRequest {
  const configuration = call && {
    acceptedOutputModes: [...(call.acceptedOutputModes ?? [])],
    historyLength: call.historyLength,
    returnImmediately: !call.blocking,
    taskPushNotificationConfig: undefined,
  };
  return { tenant, message, configuration, metadata: structuredClone(call?.metadata) };
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
