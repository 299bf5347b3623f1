/** Names a session. The tenant comes from the credential, never from the request body alone. */
export interface SessionRef {
  /** Where sessions are a subject's, the place of that subject in its tenant: see `server/security/space.ts`. */
  readonly tenant: string;
  readonly sessionId: string;
}

const encoder = new TextEncoder();
const SAFE = /^[A-Za-z0-9_-]*$/;

/**
 * A tenant, session id or subject as it stands in keys and index members: every UTF-8 byte outside `A-Z a-z 0-9 _ -`
 * is percent-encoded. Not `encodeURIComponent`: that throws on lone surrogates and leaves `. * ( )` alone, and with a
 * dot left alone the members of session `a` would be a prefix of those of `a.b`.
 *
 * @param id well-formed UTF-16 (the boundary refuses lone surrogates), so no two ids share an encoding
 */
export function encodeId(id: string): string {
  if (SAFE.test(id)) return id;
  let encoded = '';
  for (const byte of encoder.encode(id)) {
    const char = String.fromCharCode(byte);
    encoded += SAFE.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/** One string per session and process, for maps in memory. */
export function refKey(ref: SessionRef): string {
  return `${encodeId(ref.tenant)}:${encodeId(ref.sessionId)}`;
}

/**
 * Task ids locate themselves: `<sessionId>.<local part>`. The local part has no dot, so the last dot separates.
 *
 * @returns undefined when the id has no such shape
 */
export function splitTaskId(taskId: string): { sessionId: string; local: string } | undefined {
  const dot = taskId.lastIndexOf('.');
  if (dot <= 0 || dot === taskId.length - 1) return undefined;
  return { sessionId: taskId.slice(0, dot), local: taskId.slice(dot + 1) };
}

export function joinTaskId(sessionId: string, local: string): string {
  return `${sessionId}.${local}`;
}

/** A task id as it stands in index members: the dot that separates is the only one that is left. */
export function encodeTaskId(sessionId: string, local: string): string {
  return `${encodeId(sessionId)}.${encodeId(local)}`;
}

/** Under what a v0.1 client's own task id is kept in its session. */
export function aliasKey(subject: string, clientTaskId: string): string {
  return `${encodeId(subject)}/${encodeId(clientTaskId)}`;
}
