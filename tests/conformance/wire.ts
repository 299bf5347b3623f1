import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { readEvents } from '../../scripts/recovery/event-stream.ts';
import { call, type RpcReply } from '../helpers/rpc.ts';
import { expectV01 } from './first-shapes.ts';
import { expectV03, expectV1 } from './official-shapes.ts';

const VERSION: Readonly<Record<Dialect, Record<string, string>>> = {
  v1: { 'A2A-Version': '1.0' },
  v03: { 'A2A-Version': '0.3' },
  v01: {},
};

async function expectShape(dialect: Dialect, method: string, result: JsonValue): Promise<void> {
  if (dialect === 'v1') expectV1(method, result);
  else if (dialect === 'v03') await expectV03(method, result);
  else expectV01(method, result);
}

export interface Frame {
  readonly id: string | undefined;
  /** The `result` member. */
  readonly result: JsonObject;
}

/** A stream as its client sees it: each frame is held to its shape as it is taken. */
export class Stream {
  readonly response: Response;
  readonly #frames: AsyncGenerator<Frame>;
  readonly #leave: AbortController;

  constructor(response: Response, leave: AbortController, dialect: Dialect, method: string) {
    this.response = response;
    this.#leave = leave;
    this.#frames = readFrames(response, dialect, method);
  }

  /** @returns undefined at the end */
  async next(): Promise<Frame | undefined> {
    const next = await this.#frames.next();
    return next.done === true ? undefined : next.value;
  }

  /** All that is still to come, until the server closes. */
  async rest(): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let frame = await this.next(); frame !== undefined; frame = await this.next()) frames.push(frame);
    return frames;
  }

  /** Up to and with the first frame for which this holds. */
  async until(holds: (result: JsonObject) => boolean): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let frame = await this.next(); frame !== undefined; frame = await this.next()) {
      frames.push(frame);
      if (holds(frame.result)) return frames;
    }
    throw new Error('the stream ended before that');
  }

  leave(): void {
    this.#leave.abort();
  }
}

async function* readFrames(response: Response, dialect: Dialect, method: string): AsyncGenerator<Frame> {
  for await (const { id, data } of readEvents(response)) {
    const { result, error } = JSON.parse(data) as { result?: JsonObject; error?: JsonObject };
    if (result === undefined) throw new Error(`the stream told ${JSON.stringify(error)}`);
    await expectShape(dialect, method, result);
    yield { id, result };
  }
}

/** A client without a library: HTTP, JSON, and a check of every result it is given. */
export class Wire {
  readonly dialect: Dialect;
  readonly #url: () => string;
  readonly #headers: Record<string, string>;

  constructor(url: () => string, dialect: Dialect, headers: Record<string, string> = {}) {
    this.#url = url;
    this.dialect = dialect;
    this.#headers = { ...VERSION[dialect], ...headers };
  }

  async call(method: string, params: JsonObject, headers: Record<string, string> = {}): Promise<RpcReply> {
    const reply = await call(this.#url(), method, params, { ...this.#headers, ...headers });
    if (reply.json.result !== undefined) await expectShape(this.dialect, method, reply.json.result);
    return reply;
  }

  /** @throws when it is refused, or answered with no result */
  async result(
    method: string,
    params: JsonObject,
    headers: Record<string, string> = {},
  ): Promise<JsonObject> {
    const { json, text } = await this.call(method, params, headers);
    if (json.result === undefined) throw new Error(`${method} was answered with ${text}`);
    return json.result as JsonObject;
  }

  /** @returns the code; 0 when there was no error */
  async code(method: string, params: JsonObject, headers: Record<string, string> = {}): Promise<number> {
    return (await this.call(method, params, headers)).json.error?.code ?? 0;
  }

  /** @throws when it is answered with no stream */
  async stream(method: string, params: JsonObject, headers: Record<string, string> = {}): Promise<Stream> {
    const leave = new AbortController();
    const response = await fetch(this.#url(), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...this.#headers, ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', id: 's', method, params }),
      signal: leave.signal,
    });
    if (response.headers.get('Content-Type')?.startsWith('text/event-stream') === true)
      return new Stream(response, leave, this.dialect, method);
    throw new Error(`no stream: ${await response.text()}`);
  }
}
