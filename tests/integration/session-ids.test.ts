import { expect } from 'chai';
import fc from 'fast-check';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { readRedis } from '../../scripts/recovery/stored-sessions.ts';
import { readTask } from '../../scripts/recovery/wire.ts';
import { eventually } from '../helpers/eventually.ts';
import { useRedis } from '../helpers/redis.ts';
import { call, type RpcReply, sendV01, sendV03, sendV1, V1 } from '../helpers/rpc.ts';
import { useServer } from '../helpers/server.ts';

/** What separates, matches, encodes, ends or reads the other way round somewhere; and pairs that look alike. */
const AWKWARD =
  `a:b a::b a* * ? [a] {a} { } }{ {default.00}:s:a a.b a. .a . .. ... % %2E %252E a%3Ab a%3ab a/b ../a // \\ \\0 \\u0000 " ' ; -- , + = & # @ ! ~ | < > ( ) $ ^ \` A a b AB Ab 0 00 -1 1e3 null undefined true NaN __proto__ constructor toString hasOwnProperty s: s:a tasks sessions aliases a%00 \u00e4 a\u0308 \u{1f600} \u{1f468}\u200d\u{1f469} \u202e \ufeff \ufffd \u2028 \u00a0 \uffff \u{10ffff} \uff0e \uff1a`
    .split(' ')
    .concat(
      ' ',
      '  ',
      ' a',
      'a ',
      'a b',
      'x'.repeat(256),
      `${'x'.repeat(255)}.`,
      'ä'.repeat(128),
      '\u{1f600}'.repeat(64),
      '%'.repeat(256),
    );

const byteLength = (text: string): number => Buffer.byteLength(text);
const isAllowed = (id: string): boolean =>
  id !== '' && id.isWellFormed() && byteLength(id) <= 256 && !/\p{Control}/u.test(id);

/** Hundreds of ids, all different: the awkward ones, and what can be made of the pieces that keys are made of. */
const IDS = (() => {
  const piece = fc.constantFrom(
    ':',
    '*',
    '{',
    '}',
    '.',
    '%',
    '%2',
    'E',
    'a',
    'A',
    '/',
    ' ',
    '\u00e4',
    '\u{1f600}',
    's:',
    '00',
  );
  const glued = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
  const any = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
  const random = fc.sample(fc.oneof(glued, any), { numRuns: 250, seed: 20_260_102 });
  return [...new Set([...AWKWARD, ...random])].filter(isAllowed);
})();

const TOO_LONG = ['x'.repeat(257), `${'ä'.repeat(128)}x`, 'x'.repeat(1_048_576)];
const NOT_TEXT: JsonValue[] = [0, true, {}, [], ['a'], { toString: 'a' }];
const REFUSED: JsonValue[] = [
  ...['\u0000', 'a\u0000', '\u0000a', 'a\nb', '\t', '\u001b[31m', '\u007f', '\u0085'],
  ...['\ud800', '\udc00', 'a\ud800', '\udc00\ud800', '\ud83d', `${'x'.repeat(255)}\ud800`],
  ...TOO_LONG,
  ...NOT_TEXT,
];

const PARAMS = { v01: sendV01, v03: sendV03, v1: sendV1 } as const;
const SEND = { v01: 'tasks/send', v03: 'message/send', v1: 'SendMessage' } as const;
const HEADERS = { v01: {}, v03: { 'A2A-Version': '0.3' }, v1: V1 } as const;
const DIALECTS: readonly [Dialect, Dialect, Dialect] = ['v01', 'v03', 'v1'];

const inMessage = (params: JsonObject, change: JsonObject): JsonObject => ({
  message: { ...(params['message'] as JsonObject), ...change },
});

type Place = readonly [
  dialect: Dialect,
  method: string,
  field: string,
  params: (id: JsonValue) => JsonObject,
];

/** Every place where an id comes in, and what it is called there. */
const PLACES: readonly Place[] = [
  ['v01', 'tasks/send', 'id', (id) => ({ ...sendV01('t', 'x', 's'), id })],
  ['v01', 'tasks/send', 'sessionId', (sessionId) => ({ ...sendV01('t', 'x'), sessionId })],
  ['v01', 'tasks/get', 'id', (id) => ({ id })],
  ['v01', 'tasks/cancel', 'id', (id) => ({ id })],
  ['v03', 'message/send', 'message.contextId', (contextId) => inMessage(sendV03('m', 'x'), { contextId })],
  [
    'v03',
    'message/send',
    'message.messageId',
    (messageId) => inMessage(sendV03('m', 'x', 's'), { messageId }),
  ],
  ['v03', 'message/send', 'message.taskId', (taskId) => inMessage(sendV03('m', 'x', 's'), { taskId })],
  ['v03', 'tasks/get', 'id', (id) => ({ id })],
  ['v1', 'SendMessage', 'message.contextId', (contextId) => inMessage(sendV1('m', 'x'), { contextId })],
  ['v1', 'SendMessage', 'message.messageId', (messageId) => inMessage(sendV1('m', 'x', 's'), { messageId })],
  ['v1', 'SendMessage', 'message.taskId', (taskId) => inMessage(sendV1('m', 'x', 's'), { taskId })],
  ['v1', 'GetTask', 'id', (id) => ({ id })],
  ['v1', 'CancelTask', 'id', (id) => ({ id })],
];
/** A task id is a session id, a dot and a random part, and so may be longer; as one, this is a task nobody has. */
const NO_SUCH_TASK = -32001;
const TAKES_TASK_ID = /(?:taskId|get|Get|cancel|Cancel)/;

/** The fields that an error blames, in whichever dialect it is said. */
function blamed(reply: RpcReply): string[] {
  const data = reply.json.error?.data as
    { violations?: { field: string }[] } | { fieldViolations?: { field: string }[] }[] | undefined;
  const found = Array.isArray(data) ? data.flatMap((each) => each.fieldViolations ?? []) : data?.violations;
  return (found ?? []).map(({ field }) => field);
}

const show = (id: JsonValue): string => JSON.stringify(id).slice(0, 40);

describe('ids that clients choose', () => {
  const redis = useRedis({ tcp: true });
  const env: Record<string, string> = { A2A_STORE: 'redis' };
  beforeEach(() => {
    env['REDIS_URL'] = `redis://127.0.0.1:${redis.server.port}/0`;
    env['A2A_KEY_PREFIX'] = redis.prefix;
  });
  const holdfast = useServer(() => ({}), env);
  beforeEach(async () => {
    await eventually(() => holdfast.server.readiness.storeAnsweredOnce);
  });
  const keys = (): Promise<string[]> => redis.client.keys(`${redis.prefix}:1:{default.00}:s:*`);

  async function send(dialect: Dialect, id: string, text: string, context?: string) {
    const reply = await call(
      holdfast.url,
      SEND[dialect],
      PARAMS[dialect](id, text, context),
      HEADERS[dialect],
    );
    const task = reply.json.result === undefined ? undefined : readTask(reply.json.result);
    if (task === undefined) throw new Error(`${show(id)} in ${show(context ?? '')}: ${reply.text}`);
    return task;
  }

  it(`never put two sessions on one key: ${IDS.length} of them, each alone with its message`, async () => {
    for (const [n, id] of IDS.entries()) {
      const dialect = DIALECTS[n % 3] ?? 'v1';
      const task = await send(dialect, `t${n}`, `text ${n}`, id);
      expect(task).to.include({ context: id, state: 'completed' });
    }
    const stored = await readRedis(redis.client, redis.prefix);
    expect(stored.map(({ id }) => id)).to.have.members(IDS);
    for (const { id, userTexts } of stored) expect(userTexts).to.deep.equal([`text ${IDS.indexOf(id)}`]);
    for (const key of await keys()) expect(key).to.match(/^t\d+:1:\{default\.00\}:s:[A-Za-z0-9_%-]+$/);
    expect(await redis.client.zcard(`${redis.prefix}:1:{default.00}:sessions`)).to.equal(IDS.length);
  });

  it('lead to the same session in every dialect, and its tasks are found by theirs', async () => {
    for (const [n, id] of IDS.slice(0, 60).entries()) {
      await send('v01', `t${n}`, 'one', id);
      const { id: taskId } = await send('v03', 'm', 'two', id);
      expect((await send('v1', 'm', 'recall', id)).artifacts).to.deep.equal([['one\ntwo']]);
      const { json } = await call(holdfast.url, 'GetTask', { id: taskId }, V1);
      expect(json.result, show(id)).to.include({ id: taskId, contextId: id });
    }
  });

  it('never make one task of two that 0.1 clients named, be it in one session or in none', async () => {
    for (const [n, id] of IDS.entries()) {
      await send('v01', id, `text ${n}`, n % 2 === 0 ? 'one' : undefined);
    }
    for (const [n, id] of IDS.entries()) {
      const { json } = await call(holdfast.url, 'tasks/get', { id });
      const task = readTask(json.result ?? null);
      expect(task, show(id))
        .to.include({ id })
        .and.to.deep.include({ artifacts: [[`echo: text ${n}`]] });
    }
    const stored = await readRedis(redis.client, redis.prefix);
    expect(stored.flatMap(({ tasks }) => tasks)).to.have.length(IDS.length);
    expect(stored).to.have.length(1 + Math.floor(IDS.length / 2));
  });

  for (const [dialect, method, field, params] of PLACES) {
    it(`are refused by name when they cannot be one: ${field} of ${method} in ${dialect}`, async () => {
      const before = await redis.client.dbsize();
      for (const id of REFUSED) {
        const reply = await call(holdfast.url, method, params(id), HEADERS[dialect]);
        const mayBeTaskId =
          TAKES_TASK_ID.test(field + method) && typeof id === 'string' && byteLength(id) === 257;
        expect(reply.status, show(id)).to.equal(200);
        expect(reply.json.error?.code, show(id)).to.equal(mayBeTaskId ? NO_SUCH_TASK : -32602);
        if (!mayBeTaskId) expect([...new Set(blamed(reply))], show(id)).to.deep.equal([field]);
        expect(reply.text.length, show(id)).to.be.below(1_000);
      }
      expect(await keys()).to.deep.equal([]);
      expect(await redis.client.dbsize()).to.equal(before);
    });
  }

  it('may have 256 bytes of UTF-8 and no more, whatever the characters', async () => {
    for (const [unit, bytes] of [
      ['x', 1],
      ['ä', 2],
      ['\u20ac', 3],
      ['\u{1f600}', 4],
    ] as const) {
      const longest = unit.repeat(Math.floor(256 / bytes));
      expect((await send('v1', 'm', 'hello', longest)).context).to.equal(longest);
      const { json } = await call(holdfast.url, 'SendMessage', sendV1('m', 'hello', longest + unit), V1);
      expect(json.error?.message).to.contain('message.contextId must be at most 256 bytes');
    }
  });

  it('are told as not found when they name nothing, however they look', async () => {
    for (const id of IDS) {
      const { status, json } = await call(holdfast.url, 'GetTask', { id }, V1);
      expect([status, json.error?.code], show(id)).to.deep.equal([200, NO_SUCH_TASK]);
    }
    expect(await keys()).to.deep.equal([]);
  });
});
