/** A client of server-sent events that takes nothing for granted, and a door for it with times of milliseconds. */
import { EventEmitter, once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../protocol/units.ts';
import { createHttpServer, type HttpServerOptions } from '../../server/http/http-server.ts';
import { Cors } from '../../server/http/request-guards.ts';
import { createRpcEndpoint, type RpcEndpointOptions } from '../../server/http/rpc-endpoint.ts';
import { createLogger } from '../../server/observability/logger.ts';
import { createMetrics } from '../../server/observability/metrics.ts';
import { RpcServer, type RpcServerOptions } from '../../server/rpc/rpc-server.ts';
import { FakeBackend } from './fake-backend.ts';
import { LogLines } from './log-lines.ts';
import { overheard } from './overheard.ts';
import type { RpcReply } from './rpc.ts';

export interface SseEvent {
  readonly id?: string;
  readonly data: RpcReply['json'];
}

/** One line of data at most, an id before it, and nothing else: all that is ever written. */
const EVENT = /^(?:id: ([^\n\0]+)\n)?data: ([^\n]+)$/;

function parseEvent(block: string): SseEvent {
  const [, id, data] = EVENT.exec(block) ?? [];
  if (data === undefined) throw new Error(`not an event: ${block.slice(0, 200)}`);
  const parsed = JSON.parse(data) as RpcReply['json'];
  if (parsed.error !== undefined) overheard.hear('an error of a stream', data);
  return id === undefined ? { data: parsed } : { id, data: parsed };
}

/** A stream being read. Every byte is checked; what is no event and no heartbeat throws. */
export class SseClient {
  readonly response: IncomingMessage;
  readonly events: SseEvent[] = [];
  heartbeats = 0;
  /** Whether the server ended the stream; false while it is open and when the connection broke. */
  isComplete = false;
  isClosed = false;
  #fault: Error | undefined;
  #rest = '';
  readonly #changes = new EventEmitter();

  constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('error', () => undefined);
    response.on('close', () => {
      this.isClosed = true;
      this.isComplete = response.complete;
      if (response.complete && this.#rest !== '') this.#fault = new Error(`left over: ${this.#rest}`);
      this.#changes.emit('change');
    });
  }

  /** Sends a request and waits for the head of its answer, whatever it is. */
  static async open(
    url: string,
    body: string | object,
    headers: Record<string, string> = {},
  ): Promise<SseClient> {
    const req = request(url, {
      method: 'POST',
      agent: false,
      headers: { 'Content-Type': 'application/json', ...headers },
    });
    req.end(typeof body === 'string' ? body : JSON.stringify(body));
    return SseClient.answerTo(req);
  }

  static async answerTo(req: ClientRequest): Promise<SseClient> {
    const [response] = (await once(req, 'response')) as [IncomingMessage];
    req.on('error', () => undefined);
    return new SseClient(response);
  }

  get contentType(): string {
    return String(this.response.headers['content-type']);
  }

  /** Reads on. Until this is called the socket fills up. */
  read(): this {
    if (this.response.listenerCount('data') === 0) {
      this.response.on('data', (text: string) => {
        this.#take(text);
      });
    }
    this.response.resume();
    return this;
  }

  pause(): this {
    this.response.pause();
    return this;
  }

  /** Leaves without a word. */
  leave(): void {
    this.response.destroy();
  }

  /** Reads until a condition holds. @throws what was wrong on the wire, or that the stream is over */
  async until(holds: () => boolean): Promise<this> {
    this.read();
    for (;;) {
      if (this.#fault !== undefined) throw this.#fault;
      if (holds()) return this;
      if (this.isClosed) throw new Error(`the stream is over: ${String(holds)}`);
      await once(this.#changes, 'change');
    }
  }

  /** Reads to the end, however it ends. */
  async toEnd(): Promise<SseEvent[]> {
    await this.until(() => this.isClosed);
    return this.events;
  }

  get ids(): (string | undefined)[] {
    return this.events.map(({ id }) => id);
  }

  get results(): JsonObject[] {
    return this.events.map(({ data }) => data.result as JsonObject);
  }

  #take(text: string): void {
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    try {
      for (const block of blocks) {
        if (block === ':') this.heartbeats++;
        else this.events.push(parseEvent(block));
      }
    } catch (error) {
      this.#fault ??= error as Error;
    }
    this.#changes.emit('change');
  }
}

export interface StreamDoorOptions {
  readonly sse?: Partial<RpcEndpointOptions['sse']>;
  readonly rpc?: Partial<RpcServerOptions>;
  readonly endpoint?: Partial<RpcEndpointOptions>;
  readonly http?: HttpServerOptions;
}

/** An HTTP server of the real doors with a fake behind them. */
export class StreamDoor {
  readonly backend = new FakeBackend();
  readonly logs = new LogLines();
  readonly metrics = createMetrics();
  readonly server: Server;
  isDraining = false;

  constructor(options: StreamDoorOptions = {}) {
    const log = createLogger({ level: 'debug', destination: this.logs, now: Date.now });
    const rpc = new RpcServer({
      operations: this.backend,
      capabilities: { streaming: true, pushNotifications: true },
      lenientVersion: false,
      log,
      metrics: this.metrics,
      ...options.rpc,
    });
    const endpoint = createRpcEndpoint({
      rpc,
      bodyMaxBytes: 1_048_576,
      cors: new Cors([]),
      isHostAllowed: () => true,
      resolvePrincipal: () => ({ tenant: 'default', subject: 'anonymous', roles: ['peer'], tier: 'default' }),
      isDraining: () => this.isDraining,
      sse: { heartbeatMs: 15_000, stallMs: 30_000, ...options.sse },
      ...options.endpoint,
    });
    this.server = createHttpServer(endpoint, options.http);
  }

  async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/a2a`;
  }

  async openStreams(): Promise<number> {
    const { values } = await this.metrics.streamsOpen.get();
    return values[0]?.value ?? 0;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A door for each test of the suite. */
export function useStreamDoor(options: StreamDoorOptions = {}): { readonly door: StreamDoor } {
  let door: StreamDoor | undefined;
  beforeEach(async () => {
    door = new StreamDoor(options);
    await door.listen();
  });
  afterEach(() => {
    door?.close();
    door = undefined;
  });
  return {
    get door() {
      if (door === undefined) throw new Error('the door is open only inside a test');
      return door;
    },
  };
}
