/** Requests one after the other, where a load generator would be too much. */
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingMessage, request } from 'node:http';

const agent = new Agent({ keepAlive: true, maxSockets: 256 });

/** @returns the answer, unread */
export function post(url: string, method: string, params: unknown): Promise<IncomingMessage> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(body),
    'A2A-Version': '1.0',
  };
  return new Promise((resolve, reject) => {
    const req = request(url, { method: 'POST', agent, headers }, resolve);
    req.on('error', reject);
    req.end(body);
  });
}

/** @throws when it is not answered with a result */
export async function call<T>(url: string, method: string, params: unknown): Promise<T> {
  const answer = await post(url, method, params);
  let text = '';
  answer.setEncoding('utf8');
  for await (const chunk of answer) text += chunk as string;
  const { result } = JSON.parse(text) as { result?: T };
  if (result === undefined) throw new Error(`${method} was answered ${text.slice(0, 300)}`);
  return result;
}

interface SentTask {
  readonly task: {
    readonly id: string;
    readonly contextId: string;
    readonly status: { readonly state: string };
  };
}

export const messageOf = (text: string, contextId?: string): object => ({
  message: {
    messageId: randomUUID(),
    ...(contextId !== undefined && { contextId }),
    role: 'ROLE_USER',
    parts: [{ text }],
  },
});

/** A blocking send. @returns the id of its task @throws when that is not completed */
export async function say(url: string, text: string, contextId?: string): Promise<string> {
  const { task } = await call<SentTask>(url, 'SendMessage', messageOf(text, contextId));
  if (task.status.state !== 'TASK_STATE_COMPLETED') throw new Error(`a send ended ${task.status.state}`);
  return task.id;
}

/** So many of something, a few at a time. @param make told the number, from 0 */
export async function several<T>(count: number, make: (n: number) => Promise<T>, atOnce = 16): Promise<T[]> {
  const made: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) made[n] = await make(n);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, worker));
  return made;
}
