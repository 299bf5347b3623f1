/** One connection at a time to the server under test, on which bursts of requests are sent and answers read. */
import { connect, type Socket } from 'node:net';
import type { DurationMs } from '../../protocol/units.ts';
import { AnswerReader, BrokenAnswerError, type FuzzAnswer } from './answers.ts';
import type { Burst, FuzzRequest } from './requests.ts';

/** Nothing takes so long but what hangs: a blocking send is answered after 2 s at the latest. */
const ANSWERED_WITHIN_MS: DurationMs = 15_000;
/** A stream that says nothing more is left. */
const STREAM_MS: DurationMs = 60;

export type Answered =
  | { readonly request: FuzzRequest; readonly answer: FuzzAnswer }
  /** `gone`: the connection ended before; `hung`: nothing came. */
  | { readonly request: FuzzRequest; readonly answer: 'gone' | 'hung' | 'broken' };

export class FuzzClient {
  readonly #port: number;
  readonly #host: string;
  readonly #withinMs: DurationMs;
  #socket: Socket | undefined;

  constructor(url: string, withinMs = ANSWERED_WITHIN_MS) {
    const { port, hostname } = new URL(url);
    this.#port = Number(port);
    this.#host = hostname;
    this.#withinMs = withinMs;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  /** Never rejects. @returns one for each request that the server owes an answer */
  async send(burst: Burst): Promise<Answered[]> {
    const bytes = Buffer.concat(
      burst.requests.flatMap(({ head, wire }) => [Buffer.from(head, 'latin1'), wire]),
    );
    const isCut = burst.cutAt !== undefined && burst.cutAt < bytes.length;
    // What is cut off or garbage ends its connection.
    if (isCut || burst.isGarbage === true) this.close();
    const wasUsed = this.#socket !== undefined;
    const found = await this.#exchange(burst, isCut ? bytes.subarray(0, burst.cutAt) : bytes, isCut);
    // The server may close a connection that is not used just when it is used again: nobody's fault.
    const isStale = wasUsed && found.length > 0 && found.every(({ answer }) => answer === 'gone');
    return isStale ? this.send(burst) : found;
  }

  #exchange({ requests, isGarbage = false }: Burst, bytes: Buffer, isCut: boolean): Promise<Answered[]> {
    const socket = (this.#socket ??= this.#connect());
    const reader = new AnswerReader();
    const answered: Answered[] = [];
    return new Promise((resolve) => {
      let streamTimer: NodeJS.Timeout | undefined;
      const finish = (keep: boolean): void => {
        clearTimeout(deadline);
        clearTimeout(streamTimer);
        socket.removeAllListeners('data').removeAllListeners('close');
        if (!keep) this.close();
        resolve(isCut ? [] : answered);
      };
      const fail = (answer: 'gone' | 'hung' | 'broken'): void => {
        // Whoever sends no HTTP, or half of it, is owed nothing but an end.
        if (!isGarbage || answer !== 'gone') {
          const request = requests[answered.length];
          if (request !== undefined) answered.push({ request, answer });
        }
        finish(false);
      };
      const deadline = setTimeout(() => {
        fail('hung');
      }, this.#withinMs);
      const read = (isEnded: boolean): void => {
        for (
          let request = requests[answered.length];
          request !== undefined;
          request = requests[answered.length]
        ) {
          const answer = reader.next(request.httpMethod === 'HEAD', isEnded);
          if (answer === undefined) break;
          answered.push({ request, answer });
          if (answer.headers.get('connection') === 'close') {
            // What was sent behind it was not read.
            finish(false);
            return;
          }
        }
        if (answered.length === requests.length) finish(!isGarbage && reader.isEmpty);
      };
      const onData = (chunk: Buffer): void => {
        reader.push(chunk);
        read(false);
        const isStream = answered.length < requests.length && reader.stream() !== undefined;
        if (isStream) streamTimer ??= setTimeout(leave, STREAM_MS);
      };
      const leave = (): void => {
        const request = requests[answered.length];
        const answer = reader.stream();
        if (request !== undefined && answer !== undefined) answered.push({ request, answer });
        finish(false);
      };
      const guarded = (work: () => void) => (): void => {
        try {
          work();
        } catch (error) {
          if (!(error instanceof BrokenAnswerError)) throw error;
          fail('broken');
        }
      };
      socket.on('data', (chunk: Buffer) => {
        guarded(() => {
          onData(chunk);
        })();
      });
      socket.once(
        'close',
        guarded(() => {
          this.#socket = undefined;
          read(true);
          if (answered.length < requests.length) fail('gone');
        }),
      );
      if (isCut || isGarbage) socket.end(bytes);
      else socket.write(bytes);
    });
  }

  #connect(): Socket {
    const socket = connect(this.#port, this.#host).setNoDelay();
    // told by `close`
    socket.on('error', () => undefined);
    return socket;
  }
}
