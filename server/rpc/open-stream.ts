import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { ErrorReason } from '../../protocol/errors.ts';
import type { Log } from '../observability/log-events.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { RequestId } from './envelope.ts';
import type { StreamOutcome } from './operation-handler.ts';
import { failed, type RpcStream } from './rpc-answer.ts';
import type { RequestFacts } from './request-facts.ts';
import { RpcFrames } from './rpc-frames.ts';
import { toRpcError } from './to-rpc-error.ts';

export interface OpenStreamOptions {
  readonly id: RequestId;
  readonly method: string;
  readonly request: Pick<RequestFacts, 'requestId'>;
  readonly headers: RpcStream['headers'];
  /** Called once, when it is known whether the stream begins well. */
  readonly onOutcome: (outcome: ErrorReason | 'ok') => void;
  /** Called once, when the stream counts as open no more. */
  readonly onEnd?: (() => void) | undefined;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The stream of an operation as the transport takes it. It counts as open until its frames have ended or are returned. */
export function openStream({ stream, dialect }: StreamOutcome, options: OpenStreamOptions): RpcStream {
  const { id, method, request, headers, onOutcome, onEnd, log, metrics } = options;
  metrics.streamsOpen.inc();
  const frames = new RpcFrames({
    source: stream.frames,
    id,
    dialect,
    encode: (event) => CODECS[dialect].encodeEvent(event),
    toFailure: (error) => toRpcError(error, dialect, request, log),
    toResponse: (failure) => failed(failure, id),
    onOutcome,
    onEnd: () => {
      metrics.streamsOpen.dec();
      onEnd?.();
    },
  });
  return {
    headers,
    frames,
    delivered: () => {
      if (frames.wasExhausted) stream.delivered?.();
    },
    cut: () => {
      metrics.streamsCut.inc();
      log('stream_cut', { requestId: request.requestId, dialect, method });
    },
  };
}
