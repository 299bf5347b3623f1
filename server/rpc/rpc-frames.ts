import type { Codec } from '../../protocol/dialects/codec.ts';
import type { ErrorReason } from '../../protocol/errors.ts';
import type { Dialect, StreamEvent } from '../../protocol/model.ts';
import type { JsonValue } from '../../protocol/units.ts';
import type { StreamFrame, StreamFrames } from '../a2a/call.ts';
import type { RequestId } from './envelope.ts';
import type { RpcResponse, SseFrame } from './rpc-answer.ts';
import type { RpcFailure } from './to-rpc-error.ts';

type Step = IteratorResult<SseFrame, undefined>;

const NOTHING: readonly JsonValue[] = [];
const DONE: Step = { done: true, value: undefined };

export interface RpcFramesOptions {
  readonly source: StreamFrames;
  /** Of the request; on every frame. */
  readonly id: RequestId;
  readonly dialect: Dialect;
  /** In that dialect. */
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
  /** Of the current event; or their JSON, where other streams tell them too. */
  #results: readonly JsonValue[] = NOTHING;
  #areTexts = false;
  #told = 0;
  /** What could not be told when there was nobody to be told of that. */
  #fault: { readonly error: unknown } | undefined;
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
    if (this.#told < this.#results.length) return Promise.resolve({ done: false, value: this.#tell() });
    return new Promise((settle) => {
      this.#settle = settle;
      if (this.#fault === undefined) this.#pull();
      else this.#giveUp(this.#fault.error);
    });
  }

  /** The next frame, where it is known already: in place of `next`, and not while that is pending. */
  ready(): SseFrame | undefined {
    if (this.#hasEnded || this.#fault !== undefined) return undefined;
    try {
      while (this.#told === this.#results.length) {
        const frame = this.#options.source.ready?.();
        if (frame === undefined) return undefined;
        this.#read(frame);
      }
      return this.#tell();
    } catch (error) {
      this.#fault = { error };
      return undefined;
    }
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
    let value: SseFrame;
    try {
      this.#read(step.value);
      if (this.#results.length === 0) {
        this.#pull();
        return;
      }
      value = this.#tell();
    } catch (error) {
      this.#giveUp(error);
      return;
    }
    this.#begin('ok');
    this.#answer({ done: false, value });
  };

  readonly #lose = (error: unknown): void => {
    if (!this.#hasEnded) this.#fail(error);
  };

  #read({ event, cursor, texts }: StreamFrame): void {
    this.#cursor = cursor;
    this.#areTexts = texts !== undefined;
    this.#results = texts?.in(this.#options.dialect, this.#toTexts) ?? this.#options.encode(event);
    this.#told = 0;
  }

  readonly #toTexts = (event: StreamEvent): string[] =>
    this.#options.encode(event).map((result) => JSON.stringify(result));

  #tell(): SseFrame {
    const result = this.#results[this.#told] ?? null;
    const text = this.#areTexts ? (result as string) : JSON.stringify(result);
    this.#told += 1;
    const data = `${this.#opening}${text}}`;
    // An event that was told by half must come again whole: only its last frame moves the reader on.
    return this.#told === this.#results.length ? { id: this.#cursor, data } : { data };
  }

  /** An iterator that threw has ended by itself; one that gave what cannot be told has not. */
  #giveUp(error: unknown): void {
    this.#abandon();
    this.#fail(error);
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
    this.#results = NOTHING;
    this.#told = 0;
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
