import { hash, randomFillSync } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Message } from '../../protocol/model.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { StoredMessage } from '../sessions/records.ts';

/** A message without what its place says. In the order of their names, so that {@link canonicalJson} copies nothing. */
export function toStoredMessage(message: Message): StoredMessage {
  const { messageId, parts, role, extensions, metadata, referenceTaskIds } = message;
  const stored: StoredMessage = { messageId, parts, role };
  if (extensions !== undefined) stored.extensions = extensions;
  if (metadata !== undefined) stored.metadata = metadata;
  if (referenceTaskIds !== undefined) stored.referenceTaskIds = referenceTaskIds;
  return stored;
}

/** JSON with sorted keys: two spellings of one message are one message. */
export const canonicalJson = (value: JsonValue | object): string => JSON.stringify(sorted(value));

/** The value itself where its keys are in order, as they mostly are. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return sortedList(value);
  const members = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(value);
  let isSorted = true;
  let copy: unknown[] | undefined;
  for (let i = 0; i < keys.length; i += 1) {
    const key = keys[i] as string;
    const given = members[key];
    const inner = sorted(given);
    if (i > 0 && (keys[i - 1] as string) > key) isSorted = false;
    if (inner !== given) copy ??= keys.slice(0, i).map((before) => members[before]);
    copy?.push(inner);
  }
  if (isSorted && copy === undefined) return value;
  const entries = keys.map((key, i): [string, unknown] => [key, copy === undefined ? members[key] : copy[i]]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sortedList(list: readonly unknown[]): readonly unknown[] {
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i += 1) {
    const inner = sorted(list[i]);
    if (inner !== list[i]) (copy ??= [...list])[i] = inner;
  }
  return copy ?? list;
}

export const isSameMessage = (a: StoredMessage, b: StoredMessage): boolean => isDeepStrictEqual(a, b);

/** Content alone: v0.1 messages have no id of their own. */
export function isSameContent(a: StoredMessage, b: StoredMessage): boolean {
  return isDeepStrictEqual({ ...a, messageId: '' }, { ...b, messageId: '' });
}

/** Base64url of 160 bits has 27 characters; the last one has two bits that are not of them. */
const CHARS = 27;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * 160 bits of a hash over unambiguous JSON, so that no two lists of parts give one id. Cut from its text: by way of a
 * buffer it took twice the time.
 */
function derive(...parts: string[]): string {
  const text = hash('sha256', JSON.stringify(parts), 'base64url');
  const last = ALPHABET.indexOf(text.charAt(CHARS - 1));
  return text.slice(0, CHARS - 1) + ALPHABET.charAt(last & 0b111100);
}

/** The session of a message without `contextId`: its retry finds it without any lookup, also after a restart. */
export function derivedSessionId(tenant: string, subject: string, message: StoredMessage): string {
  const content = hash('sha256', canonicalJson(message), 'base64url');
  return derive('message', tenant, subject, message.messageId, content);
}

/** The session of a v0.1 task without `sessionId`. */
export function derivedTaskSessionId(tenant: string, subject: string, clientTaskId: string): string {
  return derive('task', tenant, subject, clientTaskId);
}

/** Random bytes that no id has been made of yet: asking for those of one id took 4 us. */
const pool = Buffer.allocUnsafeSlow(4_096);
let taken = pool.length;

function randomText(bytes: number): string {
  if (taken + bytes > pool.length) {
    randomFillSync(pool);
    taken = 0;
  }
  taken += bytes;
  return pool.toString('base64url', taken - bytes, taken);
}

export const randomSessionId = (): string => randomText(20);

/** The part of a task id behind the session id; has no dot. 96 bits. */
export const randomLocalId = (): string => randomText(12);

/** What a status says in words. */
export function agentMessage(text: string): StoredMessage {
  return { messageId: randomLocalId(), role: 'ROLE_AGENT', parts: [{ text }] };
}
