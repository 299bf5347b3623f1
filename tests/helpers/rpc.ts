import type { JsonObject, JsonValue } from '../../protocol/units.ts';

export interface RpcReply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: {
    jsonrpc: string;
    id: JsonValue;
    result?: JsonValue;
    error?: { code: number; message: string; data?: JsonValue };
  };
}

export const V1 = { 'A2A-Version': '1.0' };

/** One POST of a body, sent as it is. */
export async function post(
  url: string,
  body: string | Uint8Array | ReadableStream,
  headers: Record<string, string> = {},
): Promise<RpcReply> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'Content-Type': 'application/json', ...headers },
  });
  const text = await response.text();
  const json = (text === '' ? {} : JSON.parse(text)) as RpcReply['json'];
  return { status: response.status, headers: response.headers, text, json };
}

let lastId = 0;

/** One JSON-RPC call. */
export function call(
  url: string,
  method: string,
  params: JsonObject,
  headers: Record<string, string> = {},
): Promise<RpcReply> {
  return post(url, JSON.stringify({ jsonrpc: '2.0', id: ++lastId, method, params }), headers);
}

export const sendV01 = (id: string, text: string, sessionId?: string): JsonObject => ({
  id,
  ...(sessionId === undefined ? {} : { sessionId }),
  message: { role: 'user', parts: [{ type: 'text', text }] },
});

export const sendV03 = (messageId: string, text: string, contextId?: string): JsonObject => ({
  message: {
    kind: 'message',
    messageId,
    role: 'user',
    ...(contextId === undefined ? {} : { contextId }),
    parts: [{ kind: 'text', text }],
  },
});

export const sendV1 = (messageId: string, text: string, contextId?: string): JsonObject => ({
  message: {
    messageId,
    role: 'ROLE_USER',
    ...(contextId === undefined ? {} : { contextId }),
    parts: [{ text }],
  },
});
