/** What Redis has, read behind the server's back. */
import type { Redis } from 'ioredis';
import type { RedisClient } from '../../server/stores/redis/client.ts';

interface Body {
  readonly t: string;
  readonly task?: string;
  readonly state?: string;
  readonly message?: { readonly role: string; readonly parts: readonly { readonly text?: string }[] };
  readonly record?: Body;
}

export interface StoredSession {
  readonly key: string;
  readonly sessionId: string;
  readonly hash: Readonly<Record<string, string>>;
  readonly head: number;
  /** From the first; undefined where the field is missing. */
  readonly records: readonly (Body | undefined)[];
  readonly pttlMs: number;
}

/** Where the sessions of callers without a tenant of their own are, by default settings. */
export const SHELF = 'a2a:1:{default.00}:';

/** @param shelf where it is, when a tenant has several */
export async function readSession(
  client: RedisClient,
  sessionId: string,
  shelf = SHELF,
): Promise<StoredSession> {
  const key = `${shelf}s:${sessionId}`;
  const hash = await client.hgetall(key);
  const head = Number(hash['v'] ?? 0);
  const records = Array.from({ length: head }, (_, i) => {
    const json = hash[String(i + 1)];
    return json === undefined ? undefined : (JSON.parse(json) as Body);
  });
  return { key, sessionId, hash, head, records, pttlMs: await client.pttl(key) };
}

/** All of them, by id. */
export async function readSessions(client: Redis): Promise<Map<string, StoredSession>> {
  const sessions = new Map<string, StoredSession>();
  let cursor = '0';
  do {
    const [next, keys] = await client.scan(cursor, 'MATCH', `${SHELF}s:*`, 'COUNT', 500);
    const ids = keys.map((key) => key.slice(SHELF.length + 2));
    for (const session of await Promise.all(ids.map((id) => readSession(client, id))))
      sessions.set(decodeURIComponent(session.sessionId), session);
    cursor = next;
  } while (cursor !== '0');
  return sessions;
}

const messageOf = (body: Body | undefined): Body['message'] =>
  body?.t === 'refused' ? body.record?.message : body?.message;

/** Texts of the user's messages, in order. */
export function userTexts({ records }: StoredSession): string[] {
  return records.flatMap((body) => {
    const message = messageOf(body);
    return message?.role === 'ROLE_USER' ? message.parts.map(({ text }) => text ?? '') : [];
  });
}

export const taskIds = ({ records }: StoredSession): string[] =>
  records.flatMap((body) => (body?.t === 'task' ? [body.task ?? ''] : []));

/** Last state of each task. */
function states({ records }: StoredSession): Map<string, string> {
  const found = new Map<string, string>();
  for (const body of records) {
    if (body?.t === 'task') found.set(body.task ?? '', 'TASK_STATE_SUBMITTED');
    if (body?.t === 'run') found.set(body.task ?? '', 'TASK_STATE_WORKING');
    if (body?.t === 'status') found.set(body.task ?? '', body.state ?? '');
  }
  return found;
}

/** What is half, double or contradicts itself in the sessions and their indexes. Empty when all is well. */
export async function findFaults(client: Redis, sessions: Iterable<StoredSession>): Promise<string[]> {
  const faults: string[] = [];
  const indexed = new Set(await client.zrange(`${SHELF}sessions`, 0, -1));
  const tasks = new Set(await client.zrange(`${SHELF}tasks`, 0, -1));
  const ids = new Set(await client.zrange(`${SHELF}tasks:ids`, 0, -1));
  let known = 0;
  for (const session of sessions) {
    const { key, sessionId, hash, records } = session;
    if (!indexed.has(sessionId)) faults.push(`${key} is not in the index of sessions`);
    if (hash['e'] === undefined || records.length === 0) faults.push(`${key} has no journal`);
    if (records[0]?.t !== 'created') faults.push(`${key} does not begin with its first record`);
    if (records.filter((body) => body?.t === 'created').length > 1) faults.push(`${key} begins twice`);
    if (records.includes(undefined)) faults.push(`${key} lacks a record`);
    const own = taskIds(session);
    if (new Set(own).size !== own.length) faults.push(`${key} has a task twice`);
    for (const body of records) {
      if (body?.task !== undefined && !own.includes(body.task)) faults.push(`${key} lacks task ${body.task}`);
    }
    for (const [task, state] of states(session)) {
      known += 1;
      const id = `${sessionId}.${task}`;
      const summary = hash[`t:${id}`] ?? '{}';
      if ((JSON.parse(summary) as { state?: string }).state !== state) faults.push(`${id} is not ${summary}`);
      if (!tasks.has(id) || !ids.has(id)) faults.push(`${id} is not in the indexes`);
    }
  }
  if (tasks.size !== known) faults.push(`${tasks.size} tasks in the index, ${known} in the journals`);
  return faults;
}
