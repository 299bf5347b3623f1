/** What is wrong with an answer. */
import type { FuzzAnswer } from './answers.ts';
import type { Caller, FuzzRequest } from './requests.ts';

/** What no answer ever says; none of it is in a request. */
const INTERNALS: readonly RegExp[] = [
  /\bat (?:async )?[\w.<>#[\] ]+ \(?(?:file:|node:|\/)[^)\s]*:\d+:\d+/,
  /node_modules/,
  /ioredis/i,
  /rediss?:\/\//,
  /dist\/server|server\/(?:main|app|a2a|rpc|http|sessions|stores)/,
  /\bE(?:CONNREFUSED|CONNRESET|PIPE|NOENT|ACCES)\b/,
  /WRONGTYPE|NOAUTH|NOSCRIPT|user_script/,
  /(?:Type|Range|Reference|Syntax)Error\b/,
  /\[object Object\]|undefined is not|is not a function|Cannot read propert/,
];

export interface JudgeOptions {
  /** Name -> secret that is in the server's configuration, or was said by a tenant of which nobody here has a key. */
  readonly secrets: ReadonlyMap<string, string>;
  readonly callers: readonly Caller[];
}

export class Judge {
  readonly #options: JudgeOptions;

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** @returns what is wrong, in few words; the same fault has the same words */
  faultsOf(request: FuzzRequest, answer: FuzzAnswer): string[] {
    const { status, headers, body } = answer;
    const said = body + [...headers].join('\n');
    const faults = [...this.#leaks(request, said)];
    if (status >= 500 && !(status === 503 && headers.has('retry-after'))) faults.push(`status ${status}`);
    if (status === 204 || status === 304 || request.httpMethod === 'HEAD') return faults;
    const type = headers.get('content-type') ?? '';
    if (type.startsWith('text/event-stream')) return [...faults, ...streamFaults(request, body)];
    if (type.startsWith('text/plain') && request.path === '/metrics') return faults;
    if (!type.startsWith('application/json')) return [...faults, `type ${type} with ${status}`];
    const json = parsed(body);
    if (json === undefined) return [...faults, `no JSON with ${status}`];
    return request.isCall ? [...faults, ...callFaults(request, json, status)] : faults;
  }

  *#leaks({ caller }: FuzzRequest, said: string): Generator<string> {
    const { secrets, callers } = this.#options;
    for (const form of INTERNALS) if (form.test(said)) yield `tells of itself: ${form.source.slice(0, 30)}`;
    for (const [name, secret] of secrets) if (said.includes(secret)) yield `tells a secret: ${name}`;
    for (const other of callers) {
      if (said.includes(other.key)) yield `tells a key of ${other.tenant}`;
      if (other.tenant !== caller?.tenant && said.includes(other.mark))
        yield `tells ${caller?.tenant ?? 'nobody'} what ${other.tenant} said`;
    }
  }
}

interface Said {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown; readonly data?: unknown };
}

function callFaults(request: FuzzRequest, json: unknown, status: number): string[] {
  if (typeof json !== 'object' || json === null) return ['no object'];
  const { jsonrpc, id, error } = json as Said;
  const faults: string[] = [];
  if (jsonrpc !== '2.0') faults.push('no jsonrpc');
  if ('result' in json === (error !== undefined)) faults.push('neither result nor error, or both');
  if (error !== undefined && (typeof error.code !== 'number' || typeof error.message !== 'string'))
    faults.push('an error without code or message');
  if (error?.message === 'Internal error') faults.push('internal error');
  const isUnread = error?.code === -32700 || error?.code === -32600 || status !== 200;
  if (!isSameId(id, idOf(request.body)) && !(isUnread && id === null)) faults.push('another id');
  return faults;
}

function streamFaults(request: FuzzRequest, body: string): string[] {
  const frames = body.split('\n\n').slice(0, -1);
  return frames.flatMap((frame) => {
    const data = frame
      .split('\n')
      .flatMap((line) => (line.startsWith('data:') ? [line.slice(5)] : []))
      .join('\n');
    if (data === '') return [];
    const json = parsed(data);
    if (json === undefined) return ['no JSON in a stream'];
    return request.isCall ? callFaults(request, json, 200).map((fault) => `${fault} in a stream`) : [];
  });
}

/** @returns undefined when it is no JSON */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The id that a body has for whoever reads JSON as the rest of the world does. */
function idOf(body: Buffer): unknown {
  const text = body.toString();
  // a mark of the byte order is passed over
  const whole = parsed(text) ?? parsed(text.replace(/^\ufeff/, ''));
  if (typeof whole !== 'object' || whole === null) return null;
  const { id = null } = whole as Said;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

const isSameId = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);
