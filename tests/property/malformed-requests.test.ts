import { expect } from 'chai';
import fc from 'fast-check';
import { createLogger } from '../../server/observability/logger.ts';
import { createMetrics } from '../../server/observability/metrics.ts';
import type { RpcAnswer } from '../../server/rpc/rpc-answer.ts';
import { RpcServer } from '../../server/rpc/rpc-server.ts';
import { resolvePrincipal } from '../../server/security/principal.ts';
import { FakeBackend } from '../helpers/fake-backend.ts';
import { LogLines } from '../helpers/log-lines.ts';
import { sendV01, sendV03, sendV1 } from '../helpers/rpc.ts';

const RUNS = 10_000;
/** What a caller can bring about; -32603 is not among them. */
const CALLERS_CODES = [-32700, -32600, -32601, -32602, -32001, -32003, -32004, -32009];

const METHODS = [
  'tasks/send',
  'tasks/get',
  'tasks/cancel',
  'message/send',
  'SendMessage',
  'GetTask',
  'ListTasks',
  'message/stream',
  'tasks/sendSubscribe',
  'SubscribeToTask',
  'tasks/resubscribe',
  'CreateTaskPushNotificationConfig',
  'tasks/pushNotificationConfig/set',
  'tasks/pushNotification/set',
  'GetTaskPushNotificationConfig',
  'tasks/pushNotificationConfig/list',
  'DeleteTaskPushNotificationConfig',
  'GetExtendedAgentCard',
];
const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty'];

const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(null, '', 0, -1, 1e308, [], {}, [[]], 'x'.repeat(10_000), '\ud800', '\u0000'),
  fc.dictionary(fc.oneof(fc.constantFrom(...PROTOTYPE_KEYS), fc.string()), fc.jsonValue()),
);

const good = fc.constantFrom<object>(
  sendV01('t1', 'hi'),
  sendV03('m1', 'hi'),
  sendV1('m1', 'hi'),
  {
    id: 't1',
  },
  { taskId: 't1', url: 'https://hook.example', id: 'c1' },
  { id: 't1', pushNotificationConfig: { url: 'https://hook.example' } },
);

/** Good params with one member, at any depth, made odd. */
const bent = fc.tuple(good, fc.nat(), odd).map(([params, at, value]) => {
  const copy = structuredClone(params) as Record<string, unknown>;
  const places: [object, string][] = [];
  const walk = (holder: object): void => {
    for (const [key, member] of Object.entries(holder)) {
      places.push([holder, key]);
      if (typeof member === 'object' && member !== null) walk(member as object);
    }
  };
  walk(copy);
  const [holder, key] = places[at % places.length] ?? [copy, 'id'];
  Object.defineProperty(holder, key, { value, enumerable: true });
  return copy;
});

const id = fc.oneof(fc.string(), fc.integer(), fc.constant(null), odd);
const method = fc.oneof(fc.constantFrom(...METHODS, ...PROTOTYPE_KEYS), fc.string(), odd);
const envelope = fc.record(
  { jsonrpc: fc.oneof(fc.constant('2.0'), odd), id, method, params: fc.oneof(good, bent, odd) },
  { requiredKeys: ['method'] },
);

const json = fc
  .oneof({ weight: 6, arbitrary: envelope }, odd, fc.array(envelope))
  .map((value) => JSON.stringify(value));
const body = fc.oneof(
  { weight: 4, arbitrary: json.map((text) => Buffer.from(text)) },
  fc.tuple(json, fc.nat()).map(([text, at]) => Buffer.from(text.slice(0, at % (text.length + 1)))),
  fc.tuple(json, fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
    const bytes = Buffer.from(text);
    bytes[at % bytes.length] = byte;
    return bytes;
  }),
  fc
    .tuple(fc.constantFrom('[', '{"a":', '[{"b":['), fc.integer({ min: 1, max: 5000 }))
    .map(([open, times]) => Buffer.from(open.repeat(times))),
  fc
    .constantFrom('1e400', '-1e999', '99999999999999999999', '0x10', 'NaN')
    .map((id) => Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"tasks/get","params":{"id":"t"}}`)),
);

/** The id that must come back; undefined when nobody can say. */
function readableId(bytes: Uint8Array): unknown {
  try {
    const value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    const found = Object.hasOwn(value, 'id') ? (value as { id: unknown }).id : null;
    if (typeof found === 'string' || found === null) return found;
    return typeof found === 'number' && Math.abs(found) <= Number.MAX_SAFE_INTEGER ? found : null;
  } catch {
    return null;
  }
}

/** Status and body, of a stream for each of its events. */
async function told(answer: RpcAnswer): Promise<[number, string | undefined][]> {
  if (!('frames' in answer)) return [[answer.status, answer.body]];
  const all: [number, string][] = [];
  for (let step = await answer.frames.next(); step.done !== true; step = await answer.frames.next())
    all.push([200, step.value.data]);
  return all;
}

describe('malformed requests', () => {
  it(`get a JSON-RPC answer with the right id and code, ${RUNS} times, and leave nothing behind`, async function () {
    this.timeout(60_000);
    const logs = new LogLines();
    const log = createLogger({ level: 'info', destination: logs, now: () => 0 });
    const backend = new FakeBackend();
    const rpc = new RpcServer({
      operations: backend,
      capabilities: { streaming: true, pushNotifications: true },
      lenientVersion: false,
      log,
      metrics: createMetrics(),
    });
    let errors = 0;

    const check = (bytes: Uint8Array, status: number, text: string | undefined): void => {
      if (status === 204) {
        expect(text).to.equal(undefined);
        return;
      }
      expect(status).to.equal(200);
      const answer = JSON.parse(text ?? '') as {
        jsonrpc: string;
        id: unknown;
        error?: { code: number; message: string };
      };
      expect(answer.jsonrpc).to.equal('2.0');
      const expected = readableId(bytes);
      // -0 is 0 in JSON
      if (answer.error?.code !== -32700) expect(answer.id).to.equal(Object.is(expected, -0) ? 0 : expected);
      else expect(answer.id).to.equal(null);
      if (answer.error === undefined) return;
      errors++;
      expect(answer.error.code).to.be.oneOf(CALLERS_CODES);
      expect(answer.error.message).to.not.match(/\n {4}at |node_modules|\.ts:\d/);
    };

    await fc.assert(
      fc.asyncProperty(body, fc.constantFrom(undefined, '1.0', '0.3', '2.0'), async (bytes, version) => {
        const facts = { requestId: 'r', principal: resolvePrincipal(), version, extensions: [] };
        for (const [status, text] of await told(await rpc.handle(bytes, facts))) check(bytes, status, text);
      }),
      { numRuns: RUNS },
    );
    expect(errors).to.be.greaterThan(RUNS / 2);
    expect(logs.lines).to.deep.equal([]);
    expect(Object.keys(Object.prototype)).to.deep.equal([]);
  });
});
