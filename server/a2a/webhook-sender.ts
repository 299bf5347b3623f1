import {
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { Bytes, DurationMs, EpochMs } from '../../protocol/units.ts';
import { ForbiddenUrlError, type Target, type UrlGuard } from '../security/url-guard.ts';

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What became of one attempt. `why` is for the operator: nothing of what the receiver said, nothing of the URL. */
export type Attempt =
  | { readonly outcome: 'ok' }
  | { readonly outcome: 'failed'; readonly why: string; readonly retryAfterMs?: DurationMs }
  /** To try again is of no use. */
  | { readonly outcome: 'hopeless'; readonly why: string }
  /** This process stops: nobody knows. */
  | { readonly outcome: 'aborted' };

export interface WebhookSenderOptions {
  readonly guard: UrlGuard;
  /** Until the head of the answer, name look-up and connecting included. */
  readonly timeoutMs: DurationMs;
  readonly userAgent: string;
  readonly now: () => EpochMs;
}

/** What of an answer is read, and then thrown away: a receiver that is still writing need not meet a reset. */
const ANSWER_MAX_BYTES: Bytes = 64 * 1024;
const RETRY_AFTER_MAX_MS: DurationMs = 3_600_000;

/** Posts to addresses that strangers gave: one attempt, to an address that was judged, without redirects or proxies. */
export class WebhookSender {
  readonly #options: WebhookSenderOptions;
  /** How to end each attempt that is on its way. */
  readonly #ends = new Set<() => void>();
  #isClosed = false;

  constructor(options: WebhookSenderOptions) {
    this.#options = options;
  }

  /** Ends what is on its way. */
  close(): void {
    this.#isClosed = true;
    for (const end of [...this.#ends]) end();
  }

  /** Never rejects. */
  async post(post: Post): Promise<Attempt> {
    if (this.#wasClosed()) return { outcome: 'aborted' };
    const { guard, timeoutMs } = this.#options;
    const attempt = new AbortController();
    const end = (): void => {
      attempt.abort();
    };
    const timer = setTimeout(end, timeoutMs);
    this.#ends.add(end);
    try {
      const target = await until(guard.target(post.url), attempt.signal);
      return this.#judge(await this.#head(target, post, attempt.signal));
    } catch (error) {
      if (this.#wasClosed()) return { outcome: 'aborted' };
      if (error instanceof ForbiddenUrlError)
        return { outcome: 'hopeless', why: `forbidden address: ${error.message}` };
      const why = attempt.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : codeOf(error);
      return { outcome: 'failed', why };
    } finally {
      clearTimeout(timer);
      this.#ends.delete(end);
    }
  }

  #wasClosed(): boolean {
    return this.#isClosed;
  }

  /** The body that follows has as long again; nobody waits for it. */
  async #head(target: Target, { headers, body }: Post, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, host } = target;
    const isTls = url.protocol === 'https:';
    const named = isIP(host) === 6 ? `[${host}]` : host;
    const options: RequestOptions & { servername: string } = {
      method: 'POST',
      hostname: host,
      // No name is sent where the URL has an address.
      servername: isIP(host) === 0 ? host : '',
      port: url.port === '' ? (isTls ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: {
        ...headers,
        Host: url.port === '' ? named : `${named}:${url.port}`,
        'Content-Length': Buffer.byteLength(body),
        'User-Agent': this.#options.userAgent,
      },
      lookup: lookupAmong(target),
      // A connection of its own, which no setting of the process sends through a proxy.
      agent: false,
      setHost: false,
      maxHeaderSize: 16 * 1024,
    };
    const request = isTls ? httpsRequest(options) : httpRequest(options);
    const answer = await until(
      new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve).once('error', reject).end(body);
      }),
      signal,
    ).catch((error: unknown) => {
      discard(request);
      throw error;
    });
    this.#drain(request, answer);
    return answer;
  }

  #drain(request: ClientRequest, answer: IncomingMessage): void {
    const end = (): void => {
      clearTimeout(timer);
      this.#ends.delete(end);
      discard(request);
    };
    const timer = setTimeout(end, this.#options.timeoutMs).unref();
    this.#ends.add(end);
    let bytes = 0;
    answer.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > ANSWER_MAX_BYTES) end();
    });
    answer.once('error', end).once('close', end);
  }

  #judge(answer: IncomingMessage): Attempt {
    const { statusCode = 0, headers } = answer;
    if (statusCode >= 200 && statusCode < 300) return { outcome: 'ok' };
    const why = `HTTP ${statusCode}`;
    if (statusCode === 410) return { outcome: 'hopeless', why };
    const retryAfterMs = parseRetryAfter(headers['retry-after'], this.#options.now());
    return retryAfterMs === undefined ? { outcome: 'failed', why } : { outcome: 'failed', why, retryAfterMs };
  }
}

/** RFC 9110 §10.2.3: seconds, or a date. At most an hour is waited on a stranger's word. */
export function parseRetryAfter(value: string | undefined, now: EpochMs): DurationMs | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : /[a-z]/i.test(text) ? Date.parse(text) - now : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}

/** Answers with the addresses that were judged, whatever the name leads to by now. */
function lookupAmong({ addresses }: Target): LookupFunction {
  return (_host, options, callback) => {
    if (options.all === true) callback(null, [...addresses]);
    else callback(null, addresses[0]?.address ?? '', addresses[0]?.family);
  };
}

function discard(request: ClientRequest): void {
  request.on('error', () => undefined);
  request.destroy();
}

/** @throws the signal's reason when it comes first; what the promise does then is nobody's concern */
async function until<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
    promise.catch(() => undefined);
  }
}

/** `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`: never a message, which may quote what was sent or received. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string') return code;
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return first === undefined ? 'connection failed' : codeOf(first);
}
