import { createHash, randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Message } from '../../protocol/model.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { StoredMessage } from '../sessions/records.ts';

/** A message without what its place says. */
export function toStoredMessage(message: Message): StoredMessage {
  const stored = { ...message };
  delete stored.contextId;
  delete stored.taskId;
  return stored;
}

/** JSON with sorted keys: two spellings of one message are one message. */
export function canonicalJson(value: JsonValue | object): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export const isSameMessage = (a: StoredMessage, b: StoredMessage): boolean => isDeepStrictEqual(a, b);

/** Content alone: v0.1 messages have no id of their own. */
export function isSameContent(a: StoredMessage, b: StoredMessage): boolean {
  return isDeepStrictEqual({ ...a, messageId: '' }, { ...b, messageId: '' });
}

/** 160 bits of a hash over unambiguous JSON, so that no two lists of parts give one id. */
function derive(...parts: string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 20).toString('base64url');
}

/** The session of a message without `contextId`: its retry finds it without any lookup, also after a restart. */
export function derivedSessionId(tenant: string, subject: string, message: StoredMessage): string {
  const content = createHash('sha256').update(canonicalJson(message)).digest('base64url');
  return derive('message', tenant, subject, message.messageId, content);
}

/** The session of a v0.1 task without `sessionId`. */
export function derivedTaskSessionId(tenant: string, subject: string, clientTaskId: string): string {
  return derive('task', tenant, subject, clientTaskId);
}

export const randomSessionId = (): string => randomBytes(20).toString('base64url');

/** The part of a task id behind the session id; has no dot. 96 bits. */
export const randomLocalId = (): string => randomBytes(12).toString('base64url');

/** What a status says in words. */
export function agentMessage(text: string): StoredMessage {
  return { messageId: randomLocalId(), role: 'ROLE_AGENT', parts: [{ text }] };
}
