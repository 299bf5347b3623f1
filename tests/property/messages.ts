/** What the dialects can say, in canonical form: nothing empty that could be left out. */
import fc from 'fast-check';
import type { Dialect } from '../../protocol/model.ts';

const MARKS = ['holdfast/filename', 'holdfast/mediaType', 'holdfast/fileReference', 'data_part_compat'];

/** Any code point that has UTF-8. */
const text = fc.string({ unit: 'binary', maxLength: 12 });
const someText = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
export const id = fc
  .oneof(someText, fc.constantFrom('__proto__', 'constructor', 'a.b', 'a:b', '{a}'))
  .filter((given) => !/\p{Control}/u.test(given));
/** Through the parser, which is where all of it comes from: it knows no -0 in our writing, and `__proto__` is a key. */
export const json = fc.jsonValue({ maxDepth: 3 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString', 'value', 'text'));
const object = fc
  .array(fc.tuple(key, json), { maxLength: 4 })
  .map((members) => Object.fromEntries(members) as Record<string, unknown>);
export const metadata = object
  .filter((members) => Object.keys(members).length > 0)
  .filter((members) => MARKS.every((mark) => !Object.hasOwn(members, mark)));
const base64 = fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString('base64'));
const list = fc.array(someText, { minLength: 1, maxLength: 3 });

type Members = Record<string, fc.Arbitrary<unknown>>;

/** Required members, and any of the optional ones. */
function members(required: Members, optional: Members): fc.Arbitrary<Record<string, unknown>> {
  return fc.record<Record<string, unknown>>(
    { ...required, ...optional },
    { requiredKeys: Object.keys(required) },
  );
}

const v1Common = { filename: someText, mediaType: someText, metadata };
const v1Part = fc.oneof(
  members({ text }, v1Common),
  members({ raw: base64 }, v1Common),
  members({ url: someText }, v1Common),
  members({ data: json }, v1Common),
);
const wrapped = fc.oneof(fc.integer(), fc.constant(null), someText);
const legacyPart = (tag: 'kind' | 'type') => {
  const name = { name: someText, mimeType: someText };
  return fc.oneof(
    members({ [tag]: fc.constant('text'), text }, { metadata }),
    members(
      {
        [tag]: fc.constant('text'),
        text,
        metadata: metadata.map((given) => ({ ...given, 'holdfast/filename': 'f' })),
      },
      {},
    ),
    members({ [tag]: fc.constant('file'), file: members({ bytes: base64 }, name) }, { metadata }),
    members({ [tag]: fc.constant('file'), file: members({ uri: someText }, name) }, { metadata }),
    members({ [tag]: fc.constant('data'), data: object }, { metadata }),
    members(
      {
        [tag]: fc.constant('data'),
        data: wrapped.map((value) => ({ value })),
        metadata: metadata.map((given) => ({ ...given, data_part_compat: true })),
      },
      {},
    ),
  );
};
const v01Only = fc.oneof(
  members({ type: fc.constant('data'), data: fc.array(json, { maxLength: 3 }) }, { metadata }),
  members(
    { type: fc.constant('file'), file: members({}, { name: someText, mimeType: someText }) },
    { metadata },
  ),
);

const later = {
  contextId: id,
  taskId: id,
  referenceTaskIds: fc.array(id, { minLength: 1 }),
  extensions: list,
  metadata,
};
const parts = (part: fc.Arbitrary<unknown>) => fc.array(part, { minLength: 1, maxLength: 5 });
export const v1Message = members(
  { messageId: id, role: fc.constant('ROLE_USER'), parts: parts(v1Part) },
  later,
);
export const v03Message = members(
  {
    kind: fc.constant('message'),
    messageId: id,
    role: fc.constant('user'),
    parts: parts(legacyPart('kind')),
  },
  later,
);
export const v01Message = members(
  { role: fc.constant('user'), parts: parts(fc.oneof(legacyPart('type'), v01Only)) },
  { metadata },
);

export const SENDS: Record<
  Dialect,
  { message: fc.Arbitrary<Record<string, unknown>>; params: (message: unknown) => unknown }
> = {
  v1: { message: v1Message, params: (message) => ({ message }) },
  v03: { message: v03Message, params: (message) => ({ message }) },
  v01: { message: v01Message, params: (message) => ({ id: 't', message }) },
};

/** What fits into a header. */
const ascii = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 12 });
const webhookUrl = fc.webUrl({ withQueryParameters: true });
const webhook = (authentication: Members) =>
  members(
    { url: webhookUrl, authentication: members(authentication, { credentials: ascii }) },
    { id, token: ascii },
  );
const schemes = fc.array(ascii, { minLength: 1, maxLength: 3 });
const historyLength = fc.nat();

/** Params with everything in them, for what may be wrong with any of it. */
export const FULL: Record<Dialect, fc.Arbitrary<unknown>> = {
  v1: fc.record({
    tenant: id,
    message: v1Message,
    metadata,
    configuration: fc.record({
      historyLength,
      acceptedOutputModes: list,
      returnImmediately: fc.boolean(),
      taskPushNotificationConfig: webhook({ scheme: ascii }),
    }),
  }),
  v03: fc.record({
    message: v03Message,
    metadata,
    configuration: fc.record({
      historyLength,
      acceptedOutputModes: list,
      blocking: fc.boolean(),
      pushNotificationConfig: webhook({ schemes }),
    }),
  }),
  v01: fc.record({
    id,
    sessionId: id,
    historyLength,
    message: v01Message,
    metadata,
    pushNotification: webhook({ schemes }),
  }),
};

const digits = (max: number) => fc.nat(max).map((number) => String(number).padStart(2, '0'));
const moment = fc
  .tuple(
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }),
    fc.nat(999_999_999),
    digits(14),
  )
  .map(([date, nanos, hours]) => `${date.toISOString().slice(0, 19)}.${nanos}+${hours}:30`);

/** The requests that have no message in them. What a dialect has no method for is absent. */
export const REQUESTS: Record<Dialect, Record<string, fc.Arbitrary<unknown>>> = {
  v1: {
    list: fc.record({
      tenant: id,
      contextId: id,
      status: fc.constantFrom<unknown>('TASK_STATE_WORKING', 'TASK_STATE_UNSPECIFIED', 0, 8),
      pageSize: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.constant('1e1')),
      pageToken: someText,
      historyLength,
      statusTimestampAfter: moment,
      includeArtifacts: fc.boolean(),
    }),
    create: members(
      {
        tenant: id,
        taskId: id,
        url: webhookUrl,
        authentication: members({ scheme: ascii }, { credentials: ascii }),
      },
      { id, token: ascii },
    ),
    get: fc.record({ tenant: id, taskId: id, id }),
    listConfigs: fc.record({ tenant: id, taskId: id, pageSize: historyLength, pageToken: text }),
    delete: fc.record({ tenant: id, taskId: id, id }),
  },
  v03: {
    create: fc.record({ taskId: id, pushNotificationConfig: webhook({ schemes }) }),
    get: fc.record({ id, pushNotificationConfigId: id, metadata }),
    listConfigs: fc.record({ id, metadata }),
    delete: fc.record({ id, pushNotificationConfigId: id, metadata }),
  },
  v01: {
    create: fc.record({ id, pushNotificationConfig: webhook({ schemes }) }),
    get: fc.record({ id, metadata }),
  },
};
