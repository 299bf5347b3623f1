/** Requests in three dialects, and tasks read from the answers in one shape. */
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { sendV01, sendV03, sendV1 } from '../../tests/helpers/rpc.ts';
import type { TaskSeen } from './recovery-checker.ts';

/** A request as it goes out, byte for byte the same however often it is sent. */
export interface WireRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What came back: a result, a refusal for good, or the advice to try again. */
export type Outcome =
  | { readonly kind: 'result'; readonly result: JsonValue; readonly deferred: boolean }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'later' };

const HEADERS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  v1: { 'A2A-Version': '1.0' },
  v03: { 'A2A-Version': '0.3' },
  v01: {},
};

const toRequest = (dialect: Dialect, id: string, method: string, params: JsonObject): WireRequest => ({
  headers: HEADERS[dialect],
  body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
});

const STREAM = { v1: 'SendStreamingMessage', v03: 'message/stream', v01: 'tasks/sendSubscribe' } as const;
const SUBSCRIBE = { v1: 'SubscribeToTask', v03: 'tasks/resubscribe', v01: 'tasks/resubscribe' } as const;
const SEND = { v1: 'SendMessage', v03: 'message/send', v01: 'tasks/send' } as const;
const PARAMS = { v1: sendV1, v03: sendV03, v01: sendV01 } as const;

/** @param id of the message; of the task in 0.1. @param context absent: the server chooses the session */
export function sendRequest(dialect: Dialect, id: string, text: string, context?: string): WireRequest {
  return toRequest(dialect, id, SEND[dialect], PARAMS[dialect](id, text, context));
}

/** The same as a stream. */
export function streamRequest(dialect: Dialect, id: string, text: string, context?: string): WireRequest {
  return toRequest(dialect, id, STREAM[dialect], PARAMS[dialect](id, text, context));
}

/** Goes on behind the event with this id. */
export function resumeRequest(dialect: Dialect, taskId: string, cursor: string): WireRequest {
  const { headers, body } = toRequest(dialect, `resume ${taskId}`, SUBSCRIBE[dialect], { id: taskId });
  return { headers: { ...headers, 'Last-Event-ID': cursor }, body };
}

/** Begins with the task as it stands. */
export function subscribeRequest(dialect: Dialect, taskId: string): WireRequest {
  return toRequest(dialect, `subscribe ${taskId}`, SUBSCRIBE[dialect], { id: taskId });
}

export function cancelRequest(dialect: Dialect, taskId: string): WireRequest {
  const method = dialect === 'v1' ? 'CancelTask' : 'tasks/cancel';
  return toRequest(dialect, `cancel ${taskId}`, method, { id: taskId });
}

/** Only 1.0 has lists. */
export function listRequest(context: string, pageSize: number): WireRequest {
  return toRequest('v1', `list ${context}`, 'ListTasks', { contextId: context, pageSize });
}

export function getRequest(dialect: Dialect, taskId: string): WireRequest {
  const method = dialect === 'v1' ? 'GetTask' : 'tasks/get';
  return toRequest(dialect, `get ${taskId}`, method, { id: taskId, historyLength: 100 });
}

/**
 * One POST.
 *
 * @throws what `fetch` throws: nobody answered, or not to the end
 */
export async function post(url: string, request: WireRequest, signal: AbortSignal): Promise<Outcome> {
  return readOutcome(await open(url, request, signal));
}

/** One POST whose answer may be a stream. */
export function open(url: string, request: WireRequest, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...request.headers },
    body: request.body,
    signal,
  });
}

export async function readOutcome(response: Response): Promise<Outcome> {
  const text = await response.text();
  const answer = JSON.parse(text) as { result?: JsonValue; error?: JsonObject };
  const deferred = response.headers.get('A2A-Persistence') === 'deferred';
  if (answer.result !== undefined) return { kind: 'result', result: answer.result, deferred };
  // Whatever the dialect: the server says so when it is worth trying again.
  if (text.includes('google.rpc.RetryInfo')) return { kind: 'later' };
  return { kind: 'refused', why: `${response.status} ${JSON.stringify(answer.error)}` };
}

interface WirePart {
  text?: string;
}
interface WireTask {
  id: string;
  contextId?: string;
  sessionId?: string;
  status: { state: string };
  artifacts?: { parts: WirePart[] }[];
  history?: { role: string; parts: WirePart[] }[];
}

const textsOf = (parts: readonly WirePart[]): string[] => parts.map(({ text }) => text ?? '');

/** @returns undefined when it is no task */
export function readTask(result: JsonValue): TaskSeen | undefined {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return undefined;
  const task = (result['task'] ?? result) as unknown as Partial<WireTask>;
  if (task.id === undefined || task.status === undefined) return undefined;
  const { artifacts = [], history = [] } = task;
  return {
    id: task.id,
    context: task.contextId ?? task.sessionId ?? '',
    state: plainState(task.status.state),
    artifacts: artifacts.map(({ parts }) => textsOf(parts)),
    userTexts: history
      .filter(({ role }) => role === 'user' || role === 'ROLE_USER')
      .map(({ parts }) => textsOf(parts).join('\n')),
  };
}

/** `TASK_STATE_INPUT_REQUIRED` -> `input-required`, which is what the older dialects say. */
export const plainState = (state: string): string =>
  state
    .replace(/^TASK_STATE_/, '')
    .toLowerCase()
    .replaceAll('_', '-');
