import type { IncomingMessage } from 'node:http';
import { post } from './client.ts';

/** In the frame of every chunk once, and in no other frame. */
const CHUNK_MARK = Buffer.from('"chunk ');
const DONE_MARK = 'TASK_STATE_COMPLETED';
const TASK_ID = /"task":\{"id":"([^"]+)"/;

/** One who listens to a stream, and does no more with it than to count: it shares its core with others. */
export class ChunkListener {
  chunks = 0;
  firstAt = 0;
  endedAt = 0;
  isCompleted = false;
  readonly ended: Promise<void>;
  /** Resolves with the id of the task that the stream is about. */
  readonly taskId: Promise<string>;

  constructor(answer: IncomingMessage) {
    let rest: Buffer = Buffer.alloc(0);
    let resolveId: (id: string) => void = () => undefined;
    let rejectId: (error: Error) => void = () => undefined;
    this.taskId = new Promise((resolve, reject) => {
      [resolveId, rejectId] = [resolve, reject];
    });
    this.taskId.catch(() => undefined);
    let head = '';
    answer.on('data', (data: Buffer) => {
      if (head.length < 8_192) {
        head += data.toString('latin1');
        const [, id] = TASK_ID.exec(head) ?? [];
        if (id !== undefined) resolveId(id);
      }
      const seen = rest.length === 0 ? data : Buffer.concat([rest, data]);
      this.#count(seen);
      // A mark may be cut in two.
      rest = seen.subarray(Math.max(0, seen.length - CHUNK_MARK.length + 1));
      if (seen.includes(DONE_MARK)) this.isCompleted = true;
    });
    this.ended = new Promise((resolve, reject) => {
      answer.once('end', () => {
        this.endedAt = performance.now();
        rejectId(new Error(`no task in the stream: ${head.slice(0, 300)}`));
        resolve();
      });
      answer.once('error', reject);
    });
  }

  #count(seen: Buffer): void {
    for (let at = seen.indexOf(CHUNK_MARK); at >= 0; at = seen.indexOf(CHUNK_MARK, at + 1)) {
      if (this.chunks === 0) this.firstAt = performance.now();
      this.chunks += 1;
    }
  }
}

export interface Streamed {
  /** Chunks, each told to every listener. */
  readonly chunks: number;
  /** From the first chunk that anybody was told to the end of the last stream. */
  readonly tookMs: number;
}

/** Time for each listener to be there before the first chunk. */
const WAIT_MS_BASE = 20;
const WAIT_MS_EACH = 8;

/** One task, streamed to so many from its first chunk to its end. @throws when a listener was told anything else */
export async function streamOnce(
  url: string,
  chunks: number,
  listeners: number,
  message: (text: string) => object,
): Promise<Streamed> {
  const waitMs = listeners === 1 ? 0 : WAIT_MS_BASE + WAIT_MS_EACH * listeners;
  const first = new ChunkListener(
    await post(url, 'SendStreamingMessage', message(`chunks ${chunks} ${waitMs}`)),
  );
  const id = await first.taskId;
  const others = await Promise.all(
    Array.from(
      { length: listeners - 1 },
      async () => new ChunkListener(await post(url, 'SubscribeToTask', { id })),
    ),
  );
  const all = [first, ...others];
  await Promise.all(all.map(({ ended }) => ended));
  for (const listener of all) {
    if (listener.chunks !== chunks || !listener.isCompleted)
      throw new Error(`a listener was told ${listener.chunks} of ${chunks} chunks`);
  }
  const from = Math.min(...all.map(({ firstAt }) => firstAt));
  return { chunks, tookMs: Math.max(...all.map(({ endedAt }) => endedAt)) - from };
}
