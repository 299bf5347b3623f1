import type { RequestId } from './envelope.ts';
import type { RpcFailure } from './to-rpc-error.ts';

type Headers = Readonly<Record<string, string>>;

/** An HTTP answer, to be written as it is. */
export interface RpcResponse {
  readonly status: number;
  readonly headers: Headers;
  /** JSON; absent for an answer without a body. */
  readonly body?: string;
  /** To be called when the last byte was handed to the socket without error. */
  readonly delivered?: (() => void) | undefined;
}

/** One event as the wire has it. */
export interface SseFrame {
  /** The cursor that serves to resume behind this frame; absent when its event goes on in the next one. */
  readonly id?: string;
  /** A complete JSON-RPC response, on one line. */
  readonly data: string;
  /** Only on the frame of a failure, which is the last: what is answered when nothing was written before it. */
  readonly instead?: RpcResponse;
}

export interface SseFrames extends Required<Pick<AsyncIterator<SseFrame, undefined>, 'next' | 'return'>> {
  /** The next frame where it is known already, but never that of a failure. Not to be called while `next` is pending. */
  ready?(): SseFrame | undefined;
}

/** An answer in many parts: server-sent events under HTTP 200. */
export interface RpcStream {
  readonly headers: Headers;
  /** Its `next` never rejects; its `return` ends a pending `next` at once. Has to be exhausted or returned. */
  readonly frames: SseFrames;
  /** To be called when the last byte of the last frame was handed to the socket without error. */
  readonly delivered: () => void;
  /** To be called when the reader was too slow and its connection is given up. */
  readonly cut: () => void;
}

export type RpcAnswer = RpcResponse | RpcStream;

export const failed = ({ httpStatus, headers, error }: RpcFailure, id: RequestId): RpcResponse =>
  json(httpStatus, headers, { jsonrpc: '2.0', id, error });

export function json(status: number, headers: Headers, body: object): RpcResponse {
  return { status, headers: { 'Content-Type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
