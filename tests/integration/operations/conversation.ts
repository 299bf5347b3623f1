/** The three dialects in one vocabulary: a test says what it wants and is told what came, whichever dialect is spoken. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import type { JsonObject, JsonValue } from '../../../protocol/units.ts';
import { eventually } from '../../helpers/eventually.ts';
import { call, type RpcReply, sendV01, sendV03, sendV1, V1 } from '../../helpers/rpc.ts';

export type Spoken = 'v1' | 'v03' | 'v01';
export const DIALECTS: readonly Spoken[] = ['v1', 'v03', 'v01'];

export const V03 = { 'A2A-Version': '0.3' };

/** What of an answer the tests look at, in one spelling. */
export interface Seen {
  readonly kind: 'task' | 'message' | 'error';
  /** The error's code; 0 when there is none. */
  readonly code: number;
  readonly id: string;
  readonly session: string;
  /** As 0.3 spells it: `completed`, `input-required`. */
  readonly state: string;
  /** Text of each artifact, its parts on one line. */
  readonly artifacts: readonly string[];
  /** `user: hi`, oldest first. */
  readonly history: readonly string[];
  /** Text of the status, or of a bare message. */
  readonly says: string;
  readonly reply: RpcReply;
}

interface WirePart {
  text?: string;
}
interface WireMessage {
  role: string;
  parts: WirePart[];
  contextId?: string;
  messageId?: string;
}
interface WireTask {
  id: string;
  contextId?: string;
  sessionId?: string;
  status: { state: string; message?: WireMessage };
  artifacts?: { parts: WirePart[] }[];
  history?: WireMessage[];
}

const textOf = (parts: readonly WirePart[]): string => parts.map(({ text }) => text ?? '?').join('|');
const roleOf = (role: string): string => role.replace('ROLE_', '').toLowerCase();
const stateOf = (state: string): string => state.replace('TASK_STATE_', '').toLowerCase().replace('_', '-');

const NOTHING = { code: 0, id: '', session: '', state: '', artifacts: [], history: [], says: '' };

export function see(reply: RpcReply): Seen {
  const { error, result } = reply.json;
  if (error !== undefined) return { ...NOTHING, kind: 'error', code: error.code, says: error.message, reply };
  const outer = result as JsonObject;
  const inner = (outer['task'] ?? outer['message'] ?? outer) as JsonObject;
  if ('parts' in inner) {
    const message = inner as unknown as WireMessage;
    const session = message.contextId ?? '';
    return { ...NOTHING, kind: 'message', session, says: textOf(message.parts), reply };
  }
  const task = inner as unknown as WireTask;
  return {
    kind: 'task',
    code: 0,
    id: task.id,
    session: task.contextId ?? task.sessionId ?? '',
    state: stateOf(task.status.state),
    artifacts: (task.artifacts ?? []).map(({ parts }) => textOf(parts)),
    history: (task.history ?? []).map(({ role, parts }) => `${roleOf(role)}: ${textOf(parts)}`),
    says: textOf(task.status.message?.parts ?? []),
    reply,
  };
}

let made = 0;
/** An id nobody used before. */
export const newId = (what = 'id'): string => `${what}-${++made}`;

export interface SendOptions {
  readonly session?: string;
  /** For v01 the client's own task id; else the id the server gave. */
  readonly task?: string;
  readonly messageId?: string;
  readonly blocking?: boolean;
  readonly historyLength?: number | null;
}

const METHODS = { v1: 'SendMessage', v03: 'message/send', v01: 'tasks/send' } as const;

export function sendParams(dialect: Spoken, text: string, options: SendOptions = {}): JsonObject {
  const { session, task, messageId = newId('m'), blocking, historyLength } = options;
  const length = historyLength === undefined ? {} : { historyLength };
  if (dialect === 'v01') return { ...sendV01(task ?? newId('t'), text, session), ...length };
  const params = (dialect === 'v1' ? sendV1 : sendV03)(messageId, text, session);
  const message = { ...(params['message'] as JsonObject), ...(task === undefined ? {} : { taskId: task }) };
  const waits =
    dialect === 'v1' ? { returnImmediately: blocking === false } : { blocking: blocking !== false };
  const configuration: JsonObject = { ...(blocking === undefined ? {} : waits), ...length };
  return { ...params, message, configuration };
}

/** One send, answered. */
export async function send(
  url: string,
  dialect: Spoken,
  text: string,
  options: SendOptions = {},
): Promise<Seen> {
  const headers = dialect === 'v1' ? V1 : {};
  return see(await call(url, METHODS[dialect], sendParams(dialect, text, options), headers));
}

/** A send whose client leaves before it is answered, once `until` has come true. Returns when the server knows. */
export async function sendAndLeave(
  url: string,
  dialect: Spoken,
  params: JsonObject,
  until: () => boolean | Promise<boolean>,
): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: METHODS[dialect], params });
  const mark = newId('leaving');
  let heard: Socket | undefined;
  const listen = (event: unknown): void => {
    const { request } = event as { request: IncomingMessage };
    if (request.headers['x-mark'] === mark) heard = request.socket;
  };
  subscribe('http.server.request.start', listen);
  try {
    const version = dialect === 'v1' ? 'A2A-Version: 1.0\r\n' : '';
    socket.write(
      `POST /a2a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-Mark: ${mark}\r\n${version}` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    await eventually(until);
    expect(socket.bytesRead, 'it was answered').to.equal(0);
    socket.resetAndDestroy();
    await eventually(() => heard?.destroyed === true);
  } finally {
    unsubscribe('http.server.request.start', listen);
    socket.destroy();
  }
}

/** A send with params as they are. */
export async function sendRaw(url: string, dialect: Spoken, params: JsonObject): Promise<Seen> {
  return see(await call(url, METHODS[dialect], params, dialect === 'v1' ? V1 : {}));
}

const plain = (dialect: Spoken): { prefix: string; headers: Record<string, string> } =>
  dialect === 'v1' ? { prefix: '', headers: V1 } : { prefix: 'tasks/', headers: {} };

export async function get(
  url: string,
  dialect: Spoken,
  id: string,
  extra: Record<string, JsonValue> = {},
): Promise<Seen> {
  const { headers } = plain(dialect);
  return see(await call(url, dialect === 'v1' ? 'GetTask' : 'tasks/get', { id, ...extra }, headers));
}

export async function cancel(url: string, dialect: Spoken, id: string): Promise<Seen> {
  const { headers } = plain(dialect);
  return see(await call(url, dialect === 'v1' ? 'CancelTask' : 'tasks/cancel', { id }, headers));
}

/** The task once it is in a state. */
export function becomes(url: string, dialect: Spoken, id: string, state: string): Promise<Seen> {
  return eventually(async () => {
    const seen = await get(url, dialect, id);
    expect(seen.state, JSON.stringify(seen.reply.json)).to.equal(state);
    return seen;
  });
}
