import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Bytes, DurationMs } from '../../protocol/units.ts';
import type { RpcStream, SseFrame } from '../rpc/rpc-answer.ts';
import { respond } from './respond.ts';

export interface SseSettings {
  /** A comment is written after so much silence, or a proxy would take the connection for dead. */
  readonly heartbeatMs: DurationMs;
  /** A reader that takes nothing for so long is cut off. */
  readonly stallMs: DurationMs;
}

/** A proxy that collects an answer before it passes it on would hold every event back. */
const SSE_HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache',
  'X-Accel-Buffering': 'no',
};

const HEARTBEAT = ':\n\n';
/** A frame above this goes out in pieces: a slow reader of a large frame that takes some of it in time is not stalled. */
const PIECE_MAX_BYTES: Bytes = 1_048_576;
/** The frames of one turn of the event loop go out in one write, unless they are more than this. */
const BATCH_MAX_CHARS = 65_536;

/**
 * Writes a stream to its end, as fast as its reader takes it and no faster: the next frame is asked for when the last
 * batch has left for the kernel, so all that a slow reader holds is one batch and one frame. Resolves when the stream is
 * over, whichever way; never rejects.
 *
 * @param headers beside those of every stream
 */
export function writeStream(
  res: ServerResponse,
  stream: RpcStream,
  headers: OutgoingHttpHeaders,
  settings: SseSettings,
): Promise<void> {
  return new SseWriter(res, stream, headers, settings).run();
}

class SseWriter {
  readonly #res: ServerResponse;
  /** Of the request: a pipelined answer that waits for its turn has none of its own, and would not see the client go. */
  readonly #socket: ServerResponse['req']['socket'];
  readonly #stream: RpcStream;
  readonly #headers: OutgoingHttpHeaders;
  readonly #settings: SseSettings;
  /** One for the whole stream. It may fire too early and then looks again, so that frames need not touch it. */
  #timer: NodeJS.Timeout | undefined;
  #firesAt = Infinity;
  #lastWriteAt = performance.now();
  /** Since when the socket has no room. */
  #stalledAt: number | undefined;
  /** A heartbeat may go out: no frame is being written. */
  #isIdle = false;
  #isGone = false;
  /** Frames that go out at the end of this turn of the event loop: a write costs more than all else about a frame. */
  #batch = '';
  #wake: (() => void) | undefined;

  constructor(res: ServerResponse, stream: RpcStream, headers: OutgoingHttpHeaders, settings: SseSettings) {
    this.#res = res;
    this.#socket = res.req.socket;
    this.#stream = stream;
    this.#headers = headers;
    this.#settings = settings;
  }

  async run(): Promise<void> {
    this.#socket.once('close', this.#leave);
    this.#res.on('drain', this.#drain);
    if (this.#socket.destroyed) this.#leave();
    else this.#fireBy(this.#lastWriteAt + this.#settings.heartbeatMs);
    await this.#tell();
    clearTimeout(this.#timer);
    this.#socket.off('close', this.#leave);
    this.#res.off('drain', this.#drain);
  }

  async #tell(): Promise<void> {
    for (;;) {
      this.#isIdle = true;
      const step = await this.#stream.frames.next();
      this.#isIdle = false;
      if (this.#isGone) return;
      if (step.done === true) {
        await this.#end();
        return;
      }
      const { instead } = step.value;
      if (instead !== undefined && !this.#res.headersSent && this.#batch === '') {
        respond(this.#res, { ...instead, headers: { ...instead.headers, ...this.#headers } });
        return;
      }
      // A batch or a heartbeat may have filled the socket while the frame was waited for.
      if (!this.#hasRoom()) await this.#room();
      for (let frame: SseFrame | undefined = step.value; frame !== undefined; frame = this.#ready()) {
        this.#add(frame);
        if (this.#batch.length >= BATCH_MAX_CHARS) await this.#flushWhole();
      }
    }
  }

  #ready(): SseFrame | undefined {
    return this.#isGone ? undefined : this.#stream.frames.ready?.();
  }

  #add({ id, data }: SseFrame): void {
    if (this.#batch === '') setImmediate(this.#flush);
    this.#batch += id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
  }

  readonly #flush = (): void => {
    const batch = this.#batch;
    this.#batch = '';
    if (batch !== '') this.#write(batch);
  };

  /** Resolves when there is room for more. */
  async #flushWhole(): Promise<void> {
    if (this.#batch.length <= PIECE_MAX_BYTES) {
      this.#flush();
      if (!this.#hasRoom()) await this.#room();
      return;
    }
    const bytes = Buffer.from(this.#batch);
    this.#batch = '';
    for (let from = 0; from < bytes.length && !this.#isGone; from += PIECE_MAX_BYTES) {
      this.#write(bytes.subarray(from, from + PIECE_MAX_BYTES));
      await this.#room();
    }
  }

  #write(chunk: string | Buffer): void {
    if (this.#isGone) return;
    this.#start();
    this.#lastWriteAt = performance.now();
    if (!this.#res.write(chunk)) this.#stall();
  }

  #start(): void {
    if (!this.#res.headersSent) this.#res.writeHead(200, { ...this.#headers, ...SSE_HEADERS });
  }

  /** The last bytes of a reader that stands still would be held for ever: until they are gone, the time runs. */
  async #end(): Promise<void> {
    this.#start();
    // node says `finish` also when the client left while the answer was being written; its socket is then destroyed.
    this.#res.prependOnceListener('finish', () => {
      if (!this.#socket.destroyed) this.#stream.delivered();
      this.#drain();
    });
    this.#stall();
    this.#res.end(this.#batch);
    this.#batch = '';
    await this.#room();
  }

  #hasRoom(): boolean {
    return this.#stalledAt === undefined || this.#isGone;
  }

  /** Resolves at once while there is room; else once there is, or the client has gone. */
  async #room(): Promise<void> {
    if (this.#hasRoom()) return;
    await new Promise<void>((wake) => {
      this.#wake = wake;
    });
  }

  #stall(): void {
    this.#stalledAt = performance.now();
    this.#fireBy(this.#stalledAt + this.#settings.stallMs);
  }

  readonly #drain = (): void => {
    this.#stalledAt = undefined;
    this.#wake?.();
  };

  readonly #leave = (): void => {
    this.#isGone = true;
    void this.#stream.frames.return();
    this.#wake?.();
  };

  #fireBy(at: number): void {
    if (at >= this.#firesAt) return;
    clearTimeout(this.#timer);
    this.#firesAt = at;
    this.#timer = setTimeout(this.#look, Math.max(1, at - performance.now()));
  }

  readonly #look = (): void => {
    this.#firesAt = Infinity;
    if (this.#isGone) return;
    const now = performance.now();
    const { heartbeatMs, stallMs } = this.#settings;
    if (this.#stalledAt !== undefined) {
      if (now < this.#stalledAt + stallMs) {
        this.#fireBy(this.#stalledAt + stallMs);
        return;
      }
      this.#stream.cut();
      this.#socket.destroy();
      return;
    }
    if (this.#isIdle && now >= this.#lastWriteAt + heartbeatMs) this.#write(HEARTBEAT);
    this.#fireBy((this.#isIdle ? this.#lastWriteAt : now) + heartbeatMs);
  };
}
