import type { Codec } from '../../protocol/dialects/codec.ts';
import type { ErrorReason } from '../../protocol/errors.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { StreamFrame } from '../a2a/call.ts';
import type { RequestId } from './envelope.ts';
import type { RpcResponse, SseFrame } from './rpc-answer.ts';
import type { RpcFailure } from './to-rpc-error.ts';

type Step = IteratorResult<SseFrame, undefined>;

const DONE: Step = { done: true, value: undefined };

export interface RpcFramesOptions {
  readonly source: AsyncIterable<StreamFrame>;
  /** Of the request; on every frame. */
  readonly id: RequestId;
  readonly encode: Codec['encodeEvent'];
  /** Makes wire of what the source threw, and logs what is not meant for the caller. */
  readonly toFailure: (error: unknown) => RpcFailure;
  readonly toResponse: (failure: RpcFailure) => RpcResponse;
  /** Called once, when it is known whether the stream begins well. */
  readonly onOutcome: (outcome: ErrorReason | 'ok') => void;
  /** Called once, when nothing more comes, whoever ended it. */
  readonly onEnd: () => void;
}

/**
 * Events of the model -> frames of JSON-RPC. No async generator on purpose: the `return` of one waits for its pending
 * `next`, so a client that leaves while nothing happens would hold its subscription until something does.
 */
export class RpcFrames implements AsyncIterator<SseFrame, undefined> {
  readonly #options: RpcFramesOptions;
  readonly #source: AsyncIterator<StreamFrame>;
  /** All that comes before the result, the same in every frame. */
  readonly #opening: string;
  /** What is left to tell of the current event. */
  #results: JsonValue[] = [];
  #cursor = '';
  #hasBegun = false;
  #hasEnded = false;
  #settle: ((step: Step) => void) | undefined;

  constructor(options: RpcFramesOptions) {
    this.#options = options;
    this.#opening = `{"jsonrpc":"2.0","id":${JSON.stringify(options.id)},"result":`;
    this.#source = options.source[Symbol.asyncIterator]();
  }

  /** True once the stream was told to its end: not returned before it, and not ended by a failure. */
  wasExhausted = false;

  next(): Promise<Step> {
    if (this.#hasEnded) return Promise.resolve(DONE);
    if (this.#results.length > 0) return Promise.resolve(this.#tell());
    return new Promise((settle) => {
      this.#settle = settle;
      this.#pull();
    });
  }

  return(): Promise<Step> {
    if (!this.#hasEnded) {
      this.#abandon();
      this.#end(DONE);
    }
    return Promise.resolve(DONE);
  }

  #pull(): void {
    this.#source.next().then(this.#take, this.#lose);
  }

  readonly #take = (step: IteratorResult<StreamFrame, unknown>): void => {
    if (this.#hasEnded) return;
    if (step.done === true) {
      this.wasExhausted = true;
      this.#end(DONE);
      return;
    }
    let told: Step;
    try {
      this.#cursor = step.value.cursor;
      this.#results = this.#options.encode(step.value.event);
      if (this.#results.length === 0) {
        this.#pull();
        return;
      }
      told = this.#tell();
    } catch (error) {
      // An iterator that threw has ended by itself; one that gave what cannot be told has not.
      this.#abandon();
      this.#fail(error);
      return;
    }
    this.#begin('ok');
    this.#answer(told);
  };

  readonly #lose = (error: unknown): void => {
    if (!this.#hasEnded) this.#fail(error);
  };

  #tell(): Step {
    const data = `${this.#opening}${JSON.stringify(this.#results.shift() ?? null)}}`;
    // An event that was told by half must come again whole: only its last frame moves the reader on.
    const isLast = this.#results.length === 0;
    return { done: false, value: isLast ? { id: this.#cursor, data } : { data } };
  }

  #fail(error: unknown): void {
    const { id, toFailure, toResponse } = this.#options;
    const failure = toFailure(error);
    this.#begin(failure.reason);
    const data = JSON.stringify({ jsonrpc: '2.0', id, error: failure.error });
    this.#end({ done: false, value: { data, instead: toResponse(failure) } });
  }

  #abandon(): void {
    this.#source.return?.().catch((error: unknown) => {
      this.#options.toFailure(error);
    });
  }

  #begin(outcome: ErrorReason | 'ok'): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    this.#options.onOutcome(outcome);
  }

  #end(step: Step): void {
    this.#hasEnded = true;
    this.#results = [];
    this.#begin('ok');
    this.#options.onEnd();
    this.#answer(step);
  }

  #answer(step: Step): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(step);
  }
}
