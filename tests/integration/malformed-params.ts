/** Requests whose envelope is right, and whose params are not; and those that HTTP itself has to refuse. */
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import type { Random } from '../../scripts/recovery/random.ts';
import {
  big,
  BODY_MAX_BYTES,
  bytes,
  goodRequest,
  type Make,
  one,
  own,
  type Request,
} from './malformed-bodies.ts';

type Path = readonly (string | number)[];
/** Where, what is wrong there, and how the error names the place. */
type Wrong = readonly [path: Path, values: readonly JsonValue[], name: string];

const NO_TEXT: readonly JsonValue[] = [0, true, {}, [], ['a'], 1e308];
const NO_ID: readonly JsonValue[] = [...NO_TEXT, '', null, 'a\u0000', '\n', '\ud800', 'a\udc00', big(257)];
const NO_OBJECT: readonly JsonValue[] = [0, 'x', true, [], [{}]];
const NO_PARTS: readonly JsonValue[] = [
  0,
  'x',
  true,
  {},
  [],
  null,
  { length: 1 },
  Array<JsonValue>(257).fill({}),
];
const NO_COUNT: readonly JsonValue[] = [-1, 1.5, 2 ** 31, -(2 ** 31), 1e308, 'x', '', {}, [], true];
const NO_METADATA: readonly JsonValue[] = [
  ...NO_OBJECT,
  { a: '\ud800' },
  { '\udc00': 1 },
  { a: big(70_000) },
];

const inMessage = (wrong: readonly Wrong[]): Wrong[] =>
  wrong.map(([path, values, name]) => [['message', ...path], values, `message.${name}`]);

const ANY_MESSAGE: readonly Wrong[] = [
  [['message'], [...NO_OBJECT, null], 'message'],
  ...inMessage([
    [['role'], [...NO_TEXT, null, 'USER', 'agent', 'ROLE_AGENT', '__proto__'], 'role'],
    [['parts'], NO_PARTS, 'parts'],
    [['parts', 0], [0, 'x', true, [], null], 'parts[0]'],
    [['parts', 0, 'text'], [...NO_TEXT.slice(0, 4), '\ud800', null], 'parts[0]'],
    [['parts', 0, 'metadata'], NO_METADATA, 'parts[0].metadata'],
    [['metadata'], NO_METADATA, 'metadata'],
  ]),
  [['metadata'], NO_METADATA, 'metadata'],
];
const LATER_MESSAGE = inMessage([
  [['messageId'], NO_ID, 'messageId'],
  [['contextId'], NO_ID.filter((id) => id !== '' && id !== null), 'contextId'],
  [['taskId'], [...NO_TEXT, '\u0000', big(280)], 'taskId'],
  [['referenceTaskIds'], [0, 'x', {}, [0], ['\u0000'], Array<JsonValue>(33).fill('t')], 'referenceTaskIds'],
  [['extensions'], [0, 'x', {}, [0], ['\ud800']], 'extensions'],
]);
const LATER_CONFIGURATION: readonly Wrong[] = [
  [['configuration'], NO_OBJECT, 'configuration'],
  [['configuration', 'historyLength'], NO_COUNT, 'configuration.historyLength'],
  [['configuration', 'acceptedOutputModes'], [0, 'x', {}, [0]], 'configuration.acceptedOutputModes'],
];

const WRONG: Readonly<Record<Dialect, readonly Wrong[]>> = {
  v01: [
    ...ANY_MESSAGE,
    [['id'], NO_ID, 'id'],
    [['sessionId'], NO_ID.filter((id) => id !== null), 'sessionId'],
    [['historyLength'], NO_COUNT, 'historyLength'],
    [['message', 'parts', 0, 'type'], [0, 'x', {}, '__proto__', 'constructor'], 'message.parts[0]'],
  ],
  v03: [
    ...ANY_MESSAGE,
    ...LATER_MESSAGE,
    ...LATER_CONFIGURATION,
    [['message', 'kind'], [0, 'x', {}, 'task'], 'message.kind'],
    [['message', 'parts', 0, 'kind'], [0, 'x', {}, null, '__proto__'], 'message.parts[0]'],
    [['configuration', 'blocking'], [0, 'x', {}, []], 'configuration.blocking'],
  ],
  v1: [
    ...ANY_MESSAGE,
    ...LATER_MESSAGE,
    ...LATER_CONFIGURATION,
    [['tenant'], [0, {}, 'other', '__proto__', 'Default', '\u0000'], 'tenant'],
    [['message', 'parts', 0, 'data'], [1, null, {}], 'message.parts[0]'],
    [['message', 'parts', 0, 'url'], ['x', '', 0], 'message.parts[0]'],
    [['configuration', 'returnImmediately'], [0, 'x', {}, []], 'configuration.returnImmediately'],
  ],
};

const REQUIRED: Readonly<Record<Dialect, readonly Path[]>> = {
  v01: [['id'], ['message'], ['message', 'role'], ['message', 'parts'], ['message', 'parts', 0, 'text']],
  v03: [
    ['message'],
    ['message', 'messageId'],
    ['message', 'role'],
    ['message', 'parts'],
    ['message', 'parts', 0, 'kind'],
  ],
  v1: [
    ['message'],
    ['message', 'messageId'],
    ['message', 'role'],
    ['message', 'parts'],
    ['message', 'parts', 0, 'text'],
  ],
};

type Holder = Record<string | number, unknown>;

/** A copy with one place changed; `undefined` takes it away. What has to be on the way there is made. */
function changed(params: JsonObject, path: Path, value: JsonValue | undefined): JsonObject {
  const copy = structuredClone(params);
  let holder = copy as Holder;
  for (const step of path.slice(0, -1)) holder = (holder[step] ??= {}) as Holder;
  const last = path.at(-1) ?? '';
  if (value === undefined) Reflect.deleteProperty(holder, last);
  else Object.defineProperty(holder, last, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

const refused = (
  change: (random: Random, request: Request) => readonly [params: JsonObject, name: string],
  ...dialects: Dialect[]
): Make => {
  return (random) => {
    const request = goodRequest(random, ...dialects);
    const { headers, message, id } = request;
    const [params, names] = change(random, request);
    return { headers, body: bytes({ ...message, params }), code: -32602, id, names };
  };
};

const nameOf = (path: Path): string =>
  path
    .filter((step) => typeof step === 'string')
    .slice(0, 2)
    .join('.');

/** What the prototype would bring, had anything been assigned by a caller's key. */
function byPrototype(random: Random, { message }: Request): readonly [JsonObject, string] {
  const { params } = message;
  const inner = params['message'] as JsonObject;
  const hidden = own(`{"__proto__":${JSON.stringify(inner)}}`);
  return one<readonly [JsonObject, string]>(
    random,
    [own(`{"__proto__":${JSON.stringify(params)}}`), 'message'],
    [own(`{"constructor":{"prototype":${JSON.stringify(params)}}}`), 'message'],
    [changed(params, ['message'], hidden), 'message.'],
    [
      changed(params, ['message', 'parts', 0], own('{"__proto__":{"text":"x","type":"text","kind":"text"}}')),
      'message.parts[0]',
    ],
  );
}

/** A task that nobody has, asked for or sent to. */
function unknownTask(random: Random): ReturnType<Make> {
  const { dialect, headers, id } = goodRequest(random);
  const taskId = one(
    random,
    't',
    's1.t',
    '.',
    '..',
    's1.',
    '.t',
    '%2E',
    '__proto__',
    big(256),
    `${big(250)}.t`,
    '\u{1f600}.x',
  );
  const verb = one(random, 'get', 'cancel', 'send');
  const [get, cancel] = dialect === 'v1' ? ['GetTask', 'CancelTask'] : ['tasks/get', 'tasks/cancel'];
  const ask = { jsonrpc: '2.0', id, method: verb === 'get' ? get : cancel, params: { id: taskId } };
  if (verb !== 'send' || dialect === 'v01') return { headers, body: bytes(ask), code: -32001, id };
  const request = goodRequest(random, dialect);
  const params = changed(request.message.params, ['message', 'taskId'], taskId);
  return { headers, body: bytes({ ...request.message, params }), code: -32001, id: request.id };
}

function wrongMedia(random: Random): ReturnType<Make> {
  const { headers, message } = goodRequest(random);
  const type = one(
    random,
    'text/plain',
    'application/xml',
    'application/json; charset=latin1',
    'application/jsonp',
    'x',
  );
  const encoded = { ...headers, 'Content-Encoding': 'gzip' };
  const wrong = random.below(4) === 0 ? encoded : { ...headers, 'Content-Type': type };
  return { headers: wrong, body: bytes(message), code: -32005, id: null, httpStatus: 415 };
}

function tooLarge(random: Random): ReturnType<Make> {
  const { headers, message } = goodRequest(random);
  const padding = Buffer.alloc(BODY_MAX_BYTES, ' ');
  return { headers, body: Buffer.concat([bytes(message), padding]), code: -32600, id: null, httpStatus: 413 };
}

function largeId(random: Random, { dialect, message }: Request): readonly [JsonObject, string] {
  const path: Path =
    dialect === 'v01'
      ? one<Path>(random, ['id'], ['sessionId'])
      : ['message', one(random, 'messageId', 'contextId', 'taskId')];
  return [changed(message.params, path, big(1_048_576)), nameOf(path)];
}

export const WRONG_PARAMS: Readonly<Record<string, Make>> = {
  'a member of the wrong type': refused((random, { dialect, message }) => {
    const list = WRONG[dialect];
    const [path, values, name] = list[random.below(list.length)] as Wrong;
    return [changed(message.params, path, values[random.below(values.length)]), name];
  }),
  'a member that is missing': refused((random, { dialect, message }) => {
    const list = REQUIRED[dialect];
    const path = list[random.below(list.length)] as Path;
    return [changed(message.params, path, undefined), nameOf(path)];
  }),
  'members from the prototype': refused(byPrototype),
  'a task that nobody has': unknownTask,
};

/** Costly ones, of which a few are enough. */
export const HEAVY: Readonly<Record<string, Make>> = {
  'an id of a megabyte': refused(largeId),
  'a wrong media type': wrongMedia,
  'a body that is too large': tooLarge,
};
