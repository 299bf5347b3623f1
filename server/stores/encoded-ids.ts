import { encodeId, encodeTaskId, splitTaskId } from '../sessions/session-ref.ts';

/** Back from `encodeId`. */
export function decodeId(encoded: string): string {
  return encoded.includes('%') ? decodeURIComponent(encoded) : encoded;
}

/** A full task id as it stands in index members and as the value of an alias. */
export function encodeFullTaskId(taskId: string): string {
  const parts = splitTaskId(taskId);
  if (parts === undefined) throw new RangeError(`not a task id: ${taskId}`);
  return encodeTaskId(parts.sessionId, parts.local);
}

/** Back from {@link encodeFullTaskId}: the only bare dot separates. */
export function decodeFullTaskId(encoded: string): string {
  return encoded.split('.').map(decodeId).join('.');
}

/** Names an alias within its tenant. Encoded ids have no slash, so `a/b` + `c` is not `a` + `b/c`. */
export function aliasField(subject: string, clientTaskId: string): string {
  return `${encodeId(subject)}/${encodeId(clientTaskId)}`;
}
