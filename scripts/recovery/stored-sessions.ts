/** What a store holds, read behind the server's back: record by record, without the code that keeps sessions. */
import type { Redis } from 'ioredis';
import { open, type Key } from 'lmdb';
import type { RecordBody } from '../../server/sessions/records.ts';
import { fromStoredJson } from '../../server/sessions/stored-json.ts';
import { decodeId } from '../../server/stores/encoded-ids.ts';
import type { StoredSession } from './recovery-checker.ts';
import { plainState } from './wire.ts';

interface OpenTask {
  state: string;
  readonly artifacts: Map<string, string[]>;
  readonly userTexts: string[];
}

const textOf = (parts: readonly object[]): string =>
  parts.flatMap((part) => ('text' in part ? [String(part.text)] : [])).join('\n');

/**
 * @param records JSON of each, in order
 * @throws when one cannot be read, or speaks of a task that is not there
 */
export function toStoredSession(id: string, records: readonly (string | null)[]): StoredSession {
  const tasks = new Map<string, OpenTask>();
  const userTexts: string[] = [];
  for (const [index, json] of records.entries()) {
    const body = fromStoredJson(index + 1, json, { instance: '?', seq: 0 })?.body;
    if (body === undefined)
      throw new Error(`record ${index + 1} of ${id} is unreadable: ${json ?? 'missing'}`);
    if (body.t === 'message') userTexts.push(textOf(body.message.parts));
    addToTask(tasks, body);
  }
  return {
    id,
    userTexts,
    tasks: [...tasks].map(([local, task]) => ({
      id: `${id}.${local}`,
      state: task.state,
      artifacts: [...task.artifacts.values()],
      userTexts: task.userTexts,
    })),
  };
}

function addToTask(tasks: Map<string, OpenTask>, body: RecordBody): void {
  if (body.t === 'created' || body.t === 'refused') return;
  if (body.t === 'task') {
    if (tasks.has(body.task)) throw new Error(`task ${body.task} was made twice`);
    tasks.set(body.task, { state: 'submitted', artifacts: new Map(), userTexts: [] });
    return;
  }
  const task = tasks.get(body.task);
  if (task === undefined) throw new Error(`there is a ${body.t} of task ${body.task}, and no such task`);
  if (body.t === 'message') task.userTexts.push(textOf(body.message.parts));
  else if (body.t === 'run') task.state = 'working';
  else if (body.t === 'status') task.state = plainState(body.state);
  else if (body.t === 'artifact') {
    const { artifactId, parts } = body.artifact;
    const known = body.append === true ? (task.artifacts.get(artifactId) ?? []) : [];
    task.artifacts.set(artifactId, [...known, ...parts.map((part) => textOf([part]))]);
  }
}

/** Every session in a Redis, whoever made it. @param prefix of the server's keys */
export async function readRedis(client: Redis, prefix = 'a2a'): Promise<StoredSession[]> {
  const sessions: StoredSession[] = [];
  for (const key of await client.keys(`${prefix}:1:{*}:s:*`)) {
    const fields = await client.hgetall(key);
    const records = Array.from({ length: Number(fields['v']) }, (_, n) => fields[String(n + 1)] ?? null);
    sessions.push(toStoredSession(decodeId(key.replace(/^.*\}:s:/, '')), records));
  }
  return sessions;
}

/** Every session in an LMDB file, whoever made it. */
export async function readLmdb(path: string): Promise<StoredSession[]> {
  const db = open<string, Key[]>({ path, encoding: 'string', readOnly: true });
  try {
    const heads = [...db.getRange({ start: ['s'], end: ['t'] })];
    return heads.map(({ key: [, tenant = '', session = ''], value }) => {
      const { v } = JSON.parse(value) as { v: number };
      const records = Array.from({ length: v }, (_, n) => db.get(['r', tenant, session, n + 1]) ?? null);
      return toStoredSession(decodeId(String(session)), records);
    });
  } finally {
    await db.close();
  }
}
