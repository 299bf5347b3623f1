/** Requests that are wrong in one way each, and what has to be answered to them. */
import type { Random } from '../../scripts/recovery/random.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { sendV01, sendV03, sendV1 } from '../helpers/rpc.ts';

export interface Malformed {
  readonly kind: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  /** The only right one. */
  readonly code: number;
  /** What comes back as the id. */
  readonly id: JsonValue;
  readonly httpStatus?: number;
  /** Part of the error's message, where it has to name something. */
  readonly names?: string;
}

/** A body of more is refused before it is read. The server under test is told the same. */
export const BODY_MAX_BYTES = 2 * 1_048_576;

const DIALECTS: readonly [Dialect, Dialect, Dialect] = ['v01', 'v03', 'v1'];
const HEADERS = { v01: {}, v03: { 'A2A-Version': '0.3' }, v1: { 'A2A-Version': '1.0' } } as const;
const SEND: Readonly<Record<Dialect, readonly [string, string]>> = {
  v01: ['tasks/send', 'tasks/sendSubscribe'],
  v03: ['message/send', 'message/stream'],
  v1: ['SendMessage', 'SendStreamingMessage'],
};
const PARAMS = { v01: sendV01, v03: sendV03, v1: sendV1 } as const;
const MARK = 'hello';

const one = <T>(random: Random, ...list: [T, ...T[]]): T => random.pick(list);
const own = (text: string): JsonObject => JSON.parse(text) as JsonObject;
const big = (bytes: number): string => 'x'.repeat(bytes);

/** Right ids, of every kind that there is. */
function anyId(random: Random): JsonValue {
  const large = random.below(2_000) === 0 ? [big(1_048_576)] : [];
  return one<JsonValue>(
    random,
    null,
    0,
    -1,
    1.5,
    2 ** 53 - 1,
    '',
    'a',
    '__proto__',
    '\ud800',
    '\u{1f600}\u0000',
    ...large,
  );
}

interface Request {
  readonly dialect: Dialect;
  readonly id: JsonValue;
  readonly headers: Readonly<Record<string, string>>;
  /** Nothing is wrong with it. */
  readonly message: JsonObject & { params: JsonObject };
}

/** @param dialects of which it is one */
function goodRequest(random: Random, ...dialects: Dialect[]): Request {
  const dialect = dialects[random.below(dialects.length)] ?? one(random, ...DIALECTS);
  const id = anyId(random);
  const params = PARAMS[dialect]('m1', `${MARK} \u{1f600}`, 's1');
  return {
    dialect,
    id,
    headers: HEADERS[dialect],
    message: { jsonrpc: '2.0', id, method: one(random, ...SEND[dialect]), params },
  };
}

const bytes = (value: JsonValue): Buffer => Buffer.from(JSON.stringify(value));

type Make = (random: Random) => Omit<Malformed, 'kind'>;

/** Not even JSON: the id is lost with it. */
const unreadable = (body: (random: Random, good: Buffer) => Uint8Array): Make => {
  return (random) => {
    const { headers, message } = goodRequest(random);
    return { headers, body: body(random, bytes(message)), code: -32700, id: null };
  };
};

/** JSON, and not a request whose id can be read. */
const noRequest = (body: (random: Random) => string): Make => {
  return (random) => ({
    headers: HEADERS[one(random, ...DIALECTS)],
    body: Buffer.from(body(random)),
    code: -32600,
    id: null,
  });
};

/** A request with its envelope changed. */
const envelope = (
  code: number,
  change: (random: Random, request: Request) => JsonObject,
  ...dialects: Dialect[]
): Make => {
  return (random) => {
    const request = goodRequest(random, ...dialects);
    const { headers, message, id } = request;
    return { headers, body: bytes({ ...message, ...change(random, request) }), code, id };
  };
};

/** The same with another method or version. */
const misdirected = (
  choose: (random: Random) => [code: number, method: string, headers: Readonly<Record<string, string>>],
): Make => {
  return (random) => {
    const { message, id } = goodRequest(random);
    const [code, method, headers] = choose(random);
    return { headers, body: bytes({ ...message, method }), code, id };
  };
};

const nested = (levels: number, open: string, close: string): string =>
  open.repeat(levels) + '0' + close.repeat(levels);
const BROKEN_UTF8 = [
  [0xff],
  [0xc0, 0x80],
  [0xed, 0xa0, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0x80],
  [0xe2, 0x82],
] as const;
const UNKNOWN_METHODS = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'tasks/Send',
    'TASKS/SEND',
    'sendMessage',
  ],
  ...[
    'message/send ',
    ' message/send',
    'message/send\u0000',
    'rpc.discover',
    '*',
    '/',
    '\ud800',
    '\u{1f600}',
    big(100_000),
  ],
] as const;

function withBrokenUtf8(random: Random, good: Buffer): Buffer {
  const at = good.indexOf(MARK);
  const wrong = Buffer.from(BROKEN_UTF8[random.below(BROKEN_UTF8.length)] ?? [0xff]);
  return Buffer.concat([good.subarray(0, at), wrong, good.subarray(at)]);
}

function noise(random: Random): Buffer {
  return Buffer.from([0x01, ...Array.from({ length: random.below(300) }, () => random.below(256))]);
}

function tooDeep(random: Random, good: Buffer): Buffer {
  const levels = one(random, 65, 66, 100, 1_000, 100_000);
  const [open, close] = one<[string, string]>(random, ['[', ']'], ['{"a":', '}'], ['[{"b":', '}]']);
  const text = random.below(2) === 0 ? nested(levels, open, close) : open.repeat(levels);
  if (random.below(2) === 0) return Buffer.from(text);
  // inside a request that is right but for that: with a closing end it is even JSON
  return Buffer.from(good.toString().replace('"params":', `"metadata":${text},"params":`));
}

function batch(random: Random): string {
  // It may be there several times: with a large id each, they were more than a body may have.
  const message = { ...goodRequest(random).message, id: 'a' };
  const inner: JsonValue[] = [message, [message], [], [[]], [[message], [message]], 1, null, {}];
  const chosen = Array.from({ length: random.below(5) }, () => inner[random.below(inner.length)] ?? null);
  const levels = random.below(20);
  return '['.repeat(levels) + JSON.stringify(chosen) + ']'.repeat(levels);
}

function wrongId(random: Random): string {
  const { message } = goodRequest(random);
  const wrong = [
    '{}',
    '[]',
    '[1]',
    'true',
    'false',
    '1e400',
    '-1e999',
    '9007199254740993',
    '99999999999999999999',
    '{"__proto__":1}',
  ];
  return JSON.stringify({ ...message, id: '?' }).replace(
    '"id":"?"',
    `"id":${wrong[random.below(wrong.length)] ?? '{}'}`,
  );
}

function without(message: JsonObject, member: string): JsonObject {
  return Object.fromEntries(Object.entries(message).filter(([name]) => name !== member));
}

const ENVELOPES: Readonly<Record<string, Make>> = {
  'cut off': unreadable((random, good) => good.subarray(0, random.below(good.length))),
  noise: unreadable(noise),
  'not UTF-8': unreadable(withBrokenUtf8),
  'something behind it': unreadable((random, good) =>
    Buffer.from(good.toString() + one(random, '}', ',', 'x', '{}', '\u0000', '[]')),
  ),
  'nested too deep': unreadable(tooDeep),
  'no object': noRequest((random) =>
    one(random, '1', '""', '"x"', 'true', 'null', '-0.5e3', '1e999', '"\\ud800"'),
  ),
  'a batch': noRequest(batch),
  'a wrong id': noRequest(wrongId),
  'no id': noRequest((random) => JSON.stringify(without(goodRequest(random, 'v03', 'v1').message, 'id'))),
  'everything from the prototype': noRequest(
    (random) => `{"__proto__":${JSON.stringify(goodRequest(random).message)}}`,
  ),
  'a wrong jsonrpc': envelope(-32600, (random) => ({
    jsonrpc: one<JsonValue>(random, '1.0', '2', 2, '', ' 2.0', '2.0 ', null, [], {}, ['2.0'], true),
  })),
  'no jsonrpc': (random) => {
    const { headers, message, id } = goodRequest(random, 'v03', 'v1');
    return { headers, id, body: bytes(without(message, 'jsonrpc')), code: -32600 };
  },
  'a method that is no text': envelope(-32600, (random) => ({
    method: one<JsonValue>(random, '', null, 0, [], {}, ['tasks/send'], true, { toString: 'tasks/send' }),
  })),
  'params that are no object': envelope(-32602, (random) => ({
    params: one<JsonValue>(random, null, 0, 'x', [], [{}], true, ''),
  })),
  'an unknown method': misdirected((random) => [
    -32601,
    one(random, ...UNKNOWN_METHODS),
    HEADERS[one(random, ...DIALECTS)],
  ]),
  'a method of another version': misdirected((random) =>
    one<[number, string, Readonly<Record<string, string>>]>(
      random,
      [-32009, 'SendMessage', {}],
      [-32009, 'GetTask', {}],
      [-32601, 'message/send', HEADERS.v1],
      [-32601, 'tasks/send', HEADERS.v1],
      [-32601, 'SendMessage', HEADERS.v03],
      [-32601, 'SendMessage', { 'A2A-Version': '0.1' }],
    ),
  ),
  'an unknown version': misdirected((random) => [
    -32009,
    one(random, 'tasks/send', 'message/send', 'SendMessage', 'x'),
    {
      'A2A-Version': one(
        random,
        '2.0',
        '1',
        '0',
        'latest',
        '1.0.0.0',
        '-1.0',
        '1,0',
        '0x1.0',
        '999999999.1',
        '{}',
        big(2_000),
      ),
    },
  ]),
  'what is not offered': misdirected((random) =>
    one<[number, string, Readonly<Record<string, string>>]>(
      random,
      [-32004, 'agent/getAuthenticatedExtendedCard', HEADERS.v03],
      [-32004, 'GetExtendedAgentCard', HEADERS.v1],
    ),
  ),
  'params of another operation': misdirected((random) =>
    one<[number, string, Readonly<Record<string, string>>]>(
      random,
      [-32602, 'tasks/pushNotificationConfig/set', HEADERS.v03],
      [-32602, 'tasks/pushNotificationConfig/delete', HEADERS.v03],
      [-32602, 'CreateTaskPushNotificationConfig', HEADERS.v1],
      [-32602, 'DeleteTaskPushNotificationConfig', HEADERS.v1],
      [-32602, 'ListTaskPushNotificationConfigs', HEADERS.v1],
    ),
  ),
};

export { bytes, big, ENVELOPES, goodRequest, one, own };
export type { Make, Request };
