/** Requests as bytes: right ones, changed ones, and what is none. */
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { Random } from '../recovery/random.ts';
import type { IdPool } from './id-pool.ts';
import { mutated, oddText, oddValue, put } from './odd-values.ts';
import { rightCall } from './right-calls.ts';

/** Who asks, and what marks whatever he says: no other tenant may ever read it. */
export interface Caller {
  readonly tenant: string;
  readonly key: string;
  readonly mark: string;
}

export type Kind = 'right' | 'changed' | 'bytes' | 'door' | 'pipelined' | 'cut off' | 'garbage';

/** One HTTP request. */
export interface FuzzRequest {
  readonly kind: Kind;
  readonly head: string;
  /** As the server is to read it. */
  readonly body: Buffer;
  /** As it is sent. */
  readonly wire: Buffer;
  readonly httpMethod: string;
  readonly path: string;
  /** Whoever shows a key of his; undefined when there is none, or a wrong one. */
  readonly caller: Caller | undefined;
  /** A good request of HTTP with a call in it: to be answered with the id of the call. */
  readonly isCall: boolean;
}

/** What goes over one connection at once. */
export interface Burst {
  readonly requests: readonly FuzzRequest[];
  /** The connection is cut behind so many bytes. */
  readonly cutAt?: number;
  /** No HTTP: how it is answered is the server's business, as long as it is. */
  readonly isGarbage?: boolean;
}

const PATHS: readonly [string, ...string[]] = [
  ...(['/', '/a2a', '/a2a/', '/.well-known/agent-card.json', '/.well-known/agent.json'] as const),
  ...['/livez', '/readyz', '/metrics', '/admin', '/admin/erase', '/admin/sessions/s-0-0', '/a2a/sessions'],
  ...['/api/session', '/../../etc/passwd', '/%2e%2e/%00', '//a2a', '/a2a?x=%ff&__proto__=1', '/a2a#x', '*'],
  ...['/constructor', `/${'a'.repeat(3_000)}`, '/%', '/a2a/%c0%ae', 'http://evil.example/a2a'],
];
const METHODS: readonly [string, ...string[]] = [
  ...(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND'] as const),
];
const TYPES: readonly [string, ...string[]] = [
  ...(['application/json', 'application/json; charset=utf-8', 'APPLICATION/JSON'] as const),
  ...['application/json; charset=utf-16', 'text/plain', 'multipart/form-data; boundary=x', 'a', ''],
];
const HEADERS: readonly (readonly [string, string])[] = [
  ...(['9.9', '', '1.0, 0.3', '1', '0.3.0', '1.0.0', '\u00ff'] as const).map(
    (value) => ['A2A-Version', value] as const,
  ),
  ...(['0', 'x', 'AAAA:1', '99999999999999999999', `${'e'.repeat(16)}:5~i.1`] as const).map(
    (value) => ['Last-Event-ID', value] as const,
  ),
  ['Idempotency-Key', 'k'],
  ['Idempotency-Key', 'x'.repeat(5_000)],
  ['A2A-Extensions', 'https://a.example/x, ,,'],
  ['Origin', 'https://evil.example'],
  ['Content-Encoding', 'gzip'],
  ['Expect', '100-continue'],
  ['Accept', 'text/event-stream'],
  ['If-None-Match', '*'],
  ['Range', 'bytes=0-1'],
  ['Upgrade', 'websocket'],
  ['X-Forwarded-For', '1, 2, 3'],
  ['X-Forwarded-For', '1.1.1.1,'.repeat(300)],
  ['Cookie', 'a=b'],
  ['X-Long', 'y'.repeat(9_000)],
];
const WRONG_KEYS: readonly [string, ...string[]] = [
  ...(['wrong', '', 'hf_a_b', 'hf__', 'eyJhbGciOiJub25lIn0.e30.', 'a.b.c', 'x'.repeat(9_000)] as const),
];

const pick = <T>(random: Random, list: readonly T[], fallback: T): T =>
  list[random.below(list.length)] ?? fallback;

export class RequestMaker {
  readonly #random: Random;
  readonly #ids: IdPool;
  readonly #callers: readonly [Caller, ...Caller[]];
  #made = 0;

  constructor(random: Random, ids: IdPool, callers: readonly [Caller, ...Caller[]]) {
    this.#random = random;
    this.#ids = ids;
    this.#callers = callers;
  }

  burst(): Burst {
    const random = this.#random;
    const chance = random.below(1_000);
    if (chance < 10) return { requests: [this.#garbage()], isGarbage: true };
    if (chance < 40) {
      const request = this.#request('cut off');
      const { length } = request.wire;
      return {
        requests: [request],
        cutAt: request.head.length + random.below(length + 1) - random.below(40),
      };
    }
    if (chance < 80)
      return { requests: Array.from({ length: 2 + random.below(4) }, () => this.#request('pipelined')) };
    if (chance < 200) return { requests: [this.#request('door')] };
    if (chance < 350) return { requests: [this.#request('bytes')] };
    return { requests: [this.#request(chance < 650 ? 'changed' : 'right')] };
  }

  #request(kind: Kind): FuzzRequest {
    const random = this.#random;
    const caller = random.pick(this.#callers);
    const call = rightCall(random, this.#ids, caller.mark);
    const envelope: JsonObject = { jsonrpc: '2.0', id: this.#id(), method: call.method, params: call.params };
    const value = kind === 'changed' ? this.#changed(envelope) : envelope;
    const text = Buffer.from(spelled(random, value));
    const body = kind === 'bytes' ? damaged(random, text) : text;
    return kind === 'door'
      ? this.#atDoor(body, caller, call.headers)
      : encode({ kind, caller, headers: call.headers, body, chunked: random.below(12) === 0 });
  }

  #id(): JsonValue {
    this.#made++;
    return this.#random.below(10) === 0
      ? pick<JsonValue>(this.#random, [0, -7, 1.5, '', '__proto__'], 1)
      : this.#made;
  }

  /** Most changes in the parameters, where most of the server is. */
  #changed(envelope: JsonObject): JsonValue {
    const random = this.#random;
    if (random.below(4) === 0) return mutated(random, envelope);
    const made = { ...envelope };
    for (let n = random.below(3); n >= 0; n--) put(made, 'params', mutated(random, made['params'] ?? null));
    return made;
  }

  #atDoor(body: Buffer, caller: Caller, given: Readonly<Record<string, string>>): FuzzRequest {
    const random = this.#random;
    const httpMethod = random.below(2) === 0 ? 'POST' : random.pick(METHODS);
    const path = random.below(3) === 0 ? '/a2a' : random.pick(PATHS);
    const headers: [string, string][] = Object.entries(given);
    for (let n = random.below(3); n > 0; n--) headers.push([...pick(random, HEADERS, ['X-A', 'b'] as const)]);
    if (random.below(30) === 0) headers.push([`X-${random.below(1e6)}`, 'z'.repeat(1 << random.below(16))]);
    const isKnown = random.below(2) === 0;
    const key = isKnown ? caller.key : random.pick(WRONG_KEYS);
    const way = random.below(3);
    if (way === 0) headers.push(['Authorization', `Bearer ${key}`]);
    else if (way === 1) headers.push(['X-API-Key', key]);
    else headers.push(['Authorization', isKnown ? `bearer  ${key}` : `Basic ${key}`]);
    const type = random.pick(TYPES);
    const lines = headers.map(([name, value]) => `${name}: ${value}`);
    const head = [`${httpMethod} ${path} HTTP/1.${random.below(20) === 0 ? 0 : 1}`, 'Host: localhost']
      .concat(type === '' ? [] : [`Content-Type: ${type}`], lines, `Content-Length: ${body.length}`)
      .join('\r\n');
    // who showed the key is to be told nothing of the others, whatever else was wrong
    return {
      kind: 'door',
      head: `${head}\r\n\r\n`,
      body,
      wire: body,
      httpMethod,
      path,
      caller: isKnown ? caller : undefined,
      isCall: false,
    };
  }

  #garbage(): FuzzRequest {
    const random = this.#random;
    const bytes = Buffer.from(Array.from({ length: 1 + random.below(300) }, () => random.below(256)));
    const begin = pick(
      random,
      [
        '',
        'GET / HTTP/9.9\r\n\r\n',
        'POST /a2a HTTP/1.1\r\nHost',
        '\r\n\r\n',
        'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      ],
      '',
    );
    const twice =
      'POST /a2a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET';
    const head = random.below(6) === 0 ? twice : begin;
    return {
      kind: 'garbage',
      head,
      body: bytes,
      wire: bytes,
      httpMethod: '',
      path: '',
      caller: undefined,
      isCall: false,
    };
  }
}

interface Parts {
  readonly kind: Kind;
  readonly caller: Caller;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly chunked: boolean;
}

function encode({ kind, caller, headers, body, chunked }: Parts): FuzzRequest {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = ['POST /a2a HTTP/1.1', 'Host: localhost', 'Content-Type: application/json']
    .concat(`Authorization: Bearer ${caller.key}`, lines, length)
    .join('\r\n');
  const wire = chunked ? inChunks(body) : body;
  return {
    kind,
    head: `${head}\r\n\r\n`,
    body,
    wire,
    httpMethod: 'POST',
    path: '/a2a',
    caller,
    isCall: true,
  };
}

const CHUNK_BYTES = 97;

function inChunks(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += CHUNK_BYTES) {
    const part = body.subarray(at, at + CHUNK_BYTES);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** The same value in one of its spellings: members doubled, numbers too large, spaces. */
function spelled(random: Random, value: JsonValue): string {
  const text = JSON.stringify(value);
  if (random.below(30) > 0 || !text.startsWith('{"')) return text;
  const doubled = `{${JSON.stringify(oddText(random))}:${JSON.stringify(oddValue(random))},${text.slice(1)}`;
  return pick(
    random,
    [
      doubled,
      ` \r\n\t${text}\n`,
      `[${text}]`,
      text.replace(/\d+/, '9'.repeat(400)),
      text.repeat(2),
      `\ufeff${text}`,
    ],
    text,
  );
}

function damaged(random: Random, text: Buffer): Buffer {
  const bytes = Buffer.from(text);
  for (let n = random.below(4); n >= 0; n--) bytes[random.below(bytes.length)] = random.below(256);
  if (random.below(3) > 0) return bytes;
  const from = random.below(bytes.length);
  const to = from + random.below(bytes.length - from);
  const some = bytes.subarray(from, to);
  return random.below(2) === 0
    ? Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
    : Buffer.concat([bytes.subarray(0, to), some, some, bytes.subarray(to)]);
}
