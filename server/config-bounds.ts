/** What bounds a client: rates, connections, the time and the size of requests, streams. */
import type { Bytes, DurationMs } from '../protocol/units.ts';
import { anyText, type Complain, variable, whole } from './config-kinds.ts';

/** On what clients can hold of this process. Each worker has its own. */
export interface Bounds {
  readonly maxConnections: number;
  readonly headersMaxBytes: Bytes;
  readonly headersTimeoutMs: DurationMs;
  readonly requestTimeoutMs: DurationMs;
  readonly keepAliveMs: DurationMs;
  readonly streamsPerPrincipal: number;
  /** How many proxies in front may be believed about the client's address. */
  readonly trustProxyHops: number;
}

export const BOUNDS_VARIABLES = {
  A2A_TIERS_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'JSON file with the limits of each tier of callers: rates of calls, and quotas of what is stored. Read at the start. Without it there are neither.',
  }),
  A2A_TRUST_PROXY_HOPS: variable(whole(0, 16, 0), {
    unit: 'proxies',
    effect:
      'How many proxies in front of the server add to `X-Forwarded-For`, to know the addresses that wrong credentials come from. With 0 the header is never read.',
  }),
  A2A_MAX_CONNECTIONS: variable(whole(1, 1_000_000, 20_000), {
    unit: 'connections',
    effect: 'Most connections at one time, of each worker; what comes above is closed unanswered.',
  }),
  A2A_MAX_HEADER_BYTES: variable(whole(1024, 1_048_576, 16_384), {
    unit: 'bytes',
    effect: 'Largest head of a request: its line and all headers; a larger one is answered 431.',
  }),
  A2A_HEADERS_TIMEOUT_SECONDS: variable(whole(1, 600, 10), {
    unit: 'seconds',
    effect:
      'Longest that the head of a request may take, also the first on a connection that says nothing; then 408. Not above A2A_REQUEST_TIMEOUT_SECONDS.',
  }),
  A2A_REQUEST_TIMEOUT_SECONDS: variable(whole(1, 3600, 60), {
    unit: 'seconds',
    effect:
      'Longest that a whole request may take to arrive; then 408. The answer may take as long as it takes.',
  }),
  A2A_KEEP_ALIVE_SECONDS: variable(whole(1, 3600, 65), {
    unit: 'seconds',
    effect:
      'How long a connection stays open without a request. Longer than the load balancer in front keeps it, so that the server is not the first to close.',
  }),
  A2A_MAX_STREAMS_PER_PRINCIPAL: variable(whole(1, 1_000_000, 2_000), {
    unit: 'streams',
    effect:
      'Most streams that one caller may have open at one time, on each worker; one more is answered 429.',
  }),
} as const;

type BoundsValues = {
  readonly [K in keyof typeof BOUNDS_VARIABLES]: (typeof BOUNDS_VARIABLES)[K]['fallback'];
};

export function toBounds(values: BoundsValues): Bounds {
  return {
    maxConnections: values.A2A_MAX_CONNECTIONS,
    headersMaxBytes: values.A2A_MAX_HEADER_BYTES,
    headersTimeoutMs: values.A2A_HEADERS_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: values.A2A_REQUEST_TIMEOUT_SECONDS * 1000,
    keepAliveMs: values.A2A_KEEP_ALIVE_SECONDS * 1000,
    streamsPerPrincipal: values.A2A_MAX_STREAMS_PER_PRINCIPAL,
    trustProxyHops: values.A2A_TRUST_PROXY_HOPS,
  };
}

/** node refuses the one above the other. */
export function checkBounds(values: BoundsValues, complain: Complain): void {
  const { A2A_HEADERS_TIMEOUT_SECONDS: headers, A2A_REQUEST_TIMEOUT_SECONDS: request } = values;
  if (headers <= request) return;
  const problem = `must be at most A2A_REQUEST_TIMEOUT_SECONDS, which is ${request}`;
  complain('A2A_HEADERS_TIMEOUT_SECONDS', problem, String(headers));
}
