/** What comes back over the wire, in three generations, in one shape. */
import { ERRORS } from '../../protocol/errors.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { ServerSentEvent } from '../recovery/event-stream.ts';
import type { TaskSeen } from '../recovery/recovery-checker.ts';
import type { StreamedTask } from '../recovery/streamed-task.ts';
import { readTask } from '../recovery/wire.ts';
import type { EventSeen, Operation } from './history.ts';

export type WireError = NonNullable<Operation['error']>;

interface RpcBody {
  readonly result?: JsonValue;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonValue };
}

/** 0.x says no reason: its message does, else its code. */
function reasonOf(code: number, message: string): string {
  const all = Object.entries(ERRORS);
  const [reason] =
    all.find(([, error]) => error.message === message) ??
    all.find(([, error]) => code !== -32603 && error.code.v03 === code) ??
    [];
  return reason ?? `${code} ${message}`;
}

/** @param status of HTTP */
export function toError(error: NonNullable<RpcBody['error']>, status: number): WireError {
  const text = JSON.stringify(error);
  return {
    reason: /"reason":"([A-Z_]+)"/.exec(text)?.[1] ?? reasonOf(error.code, error.message),
    status,
    // Whatever the dialect: the server says so when it is worth trying again.
    retry: text.includes('google.rpc.RetryInfo'),
  };
}

export type AnswerRead = Pick<Operation, 'persistence' | 'seen' | 'error' | 'listed'>;

export function persistenceOf(response: Response): Pick<Operation, 'persistence'> {
  const header = response.headers.get('A2A-Persistence');
  return header === 'stored' || header === 'deferred' ? { persistence: header } : {};
}

/** @throws what `fetch` throws when the body breaks off, SyntaxError when it is no JSON */
export async function readAnswer(response: Response): Promise<AnswerRead> {
  const { result, error } = JSON.parse(await response.text()) as RpcBody;
  if (error !== undefined) return { error: toError(error, response.status) };
  if (result === undefined) return { error: { reason: 'no result', status: response.status, retry: false } };
  const persistence = persistenceOf(response);
  const { tasks } = result as { tasks?: JsonValue[] };
  if (tasks !== undefined) return { ...persistence, listed: tasks.flatMap((each) => readTask(each) ?? []) };
  const seen = readTask(result);
  return { ...persistence, ...(seen && { seen }) };
}

const isSnapshot = (result: JsonObject): boolean => 'task' in result || result['kind'] === 'task';

/** @returns the event as the client notes it; or the error that ends the stream */
export function takeEvent(task: StreamedTask, event: ServerSentEvent): EventSeen | WireError {
  const { result, error } = JSON.parse(event.data) as RpcBody;
  if (error !== undefined) return toError(error, 200);
  task.take(result ?? {});
  task.cursor = event.id ?? task.cursor;
  return {
    at: performance.now(),
    cursor: event.id,
    state: task.state,
    chunks: countChunks(task.seen()),
    isSnapshot: isSnapshot((result ?? {}) as JsonObject),
  };
}

const countChunks = (task: TaskSeen | undefined): number =>
  (task?.artifacts ?? []).reduce((sum, parts) => sum + parts.length, 0);
