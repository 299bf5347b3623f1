import { Agent, type IncomingMessage, request } from 'node:http';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';

/** What a call was answered with. */
export interface Reply {
  readonly result?: JsonObject;
  readonly error?: { readonly code: number; readonly message: string };
}

const CONNECTIONS_MAX = 96;
const ANSWER_MAX_MS = 30_000;

/** JSON-RPC over connections that are kept, with little work of its own: it shares the machine with what it measures. */
export class SoakClient {
  readonly #url: string;
  #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  #lastId = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws when it is not answered in JSON within 30 s */
  async call(version: string | undefined, method: string, params: JsonValue): Promise<Reply> {
    const answer = await this.#open(version, method, params);
    let text = '';
    answer.setEncoding('utf8');
    for await (const chunk of answer) text += chunk as string;
    return JSON.parse(text) as Reply;
  }

  /** The results of a stream as they come. Who leaves the loop leaves the stream, connection and all. */
  async *stream(method: string, params: JsonValue, cursor?: string): AsyncGenerator<[JsonObject, string]> {
    const answer = await this.#open('1.0', method, params, cursor);
    let rest = '';
    answer.setEncoding('utf8');
    try {
      for await (const chunk of answer) {
        const blocks = (rest + (chunk as string)).split('\n\n');
        rest = blocks.pop() ?? '';
        for (const block of blocks) {
          const [, id = '', data] = /^(?:id: (.+)\n)?data: (.+)$/.exec(block) ?? [];
          if (data === undefined) continue;
          const { result, error } = JSON.parse(data) as Reply;
          if (result === undefined) throw new Error(`the stream told ${error?.code} ${error?.message}`);
          yield [result, id];
        }
      }
      // Without a stream the answer is a refusal.
      if (rest.startsWith('{')) throw new Error(`no stream but ${rest}`);
    } finally {
      answer.destroy();
    }
  }

  /** Closes what is open. It may be used again. */
  hangUp(): void {
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  }

  #open(
    version: string | undefined,
    method: string,
    params: JsonValue,
    cursor?: string,
  ): Promise<IncomingMessage> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.#lastId, method, params });
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
      ...(version === undefined ? {} : { 'A2A-Version': version }),
      ...(cursor === undefined ? {} : { 'Last-Event-ID': cursor }),
    };
    return new Promise((resolve, reject) => {
      const req = request(this.#url, { method: 'POST', agent: this.#agent, headers }, resolve);
      req.setTimeout(ANSWER_MAX_MS, () => {
        req.destroy(new Error(`${method} was not answered within ${ANSWER_MAX_MS} ms`));
      });
      req.on('error', reject);
      req.end(body);
    });
  }
}
