import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

/** Requests with a body of this many characters of text, over so many connections, for so long. */
export interface Load {
  readonly url: string;
  readonly textLength: number;
  readonly connections: number;
  readonly durationMs: number;
}

function send(url: string, agent: Agent, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      'A2A-Version': '1.0',
    };
    const req = request(url, { method: 'POST', agent, headers }, (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      res.on('end', () => {
        if (text.includes('TASK_STATE_COMPLETED')) resolve(text.length);
        else reject(new Error(`not a completed task: ${text.slice(0, 200)}`));
      });
    });
    req.on('error', reject);
    req.end(body);
  });
}

/** Blocking sends, each beginning a session. @returns requests per second @throws when one is not answered with its task */
export async function sendsPerSecond(load: Load): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections });
  const text = 'x'.repeat(load.textLength);
  const began = performance.now();
  let count = 0;
  const connection = async (): Promise<void> => {
    while (performance.now() - began < load.durationMs) {
      const message = { messageId: randomUUID(), role: 'ROLE_USER', parts: [{ text }] };
      await send(
        load.url,
        agent,
        JSON.stringify({ jsonrpc: '2.0', id: count, method: 'SendMessage', params: { message } }),
      );
      count += 1;
    }
  };
  await Promise.all(Array.from({ length: load.connections }, connection));
  agent.destroy();
  return count / ((performance.now() - began) / 1000);
}
