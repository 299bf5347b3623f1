import { expect } from 'chai';
import fc from 'fast-check';
import type { Codec } from '../../protocol/dialects/codec.ts';
import { CODECS } from '../../protocol/dialects/codecs.ts';
import { readPlainGet, readPlainSend, readPlainTaskSend } from '../../protocol/dialects/plain-params.ts';
import { attempt, nearlyRight } from './codecs-damage.ts';
import { id } from './messages.ts';

type Members = Record<string, fc.Arbitrary<unknown>>;

const text = fc.string({ unit: 'binary', maxLength: 12 });
const historyLength = fc.oneof(fc.nat(), fc.constantFrom(0, 2 ** 31 - 1));
const some = (required: Members, optional: Members) =>
  fc.record<Record<string, unknown>>({ ...required, ...optional }, { requiredKeys: Object.keys(required) });
const parts = (tag: Record<string, fc.Arbitrary<unknown>>) =>
  fc.array(fc.record({ ...tag, text }), { minLength: 1, maxLength: 3 });
const configuration = (atOnce: string) =>
  some({}, { historyLength, acceptedOutputModes: fc.array(text, { maxLength: 3 }), [atOnce]: fc.boolean() });

const PLAIN: Record<string, { codec: Codec; right: fc.Arbitrary<unknown>; read: (p: unknown) => unknown }> = {
  'a send of 1.0': {
    codec: CODECS.v1,
    right: some(
      {
        message: some(
          { messageId: id, role: fc.constant('ROLE_USER'), parts: parts({}) },
          { contextId: id, taskId: id },
        ),
      },
      { configuration: configuration('returnImmediately') },
    ),
    read: (params) =>
      readPlainSend(params, {
        role: 'ROLE_USER',
        kinds: false,
        atOnce: { name: 'returnImmediately', value: true },
      }),
  },
  'a send of 0.3': {
    codec: CODECS.v03,
    right: some(
      {
        message: some(
          {
            kind: fc.constant('message'),
            messageId: id,
            role: fc.constant('user'),
            parts: parts({ kind: fc.constant('text') }),
          },
          { contextId: id, taskId: id },
        ),
      },
      { configuration: configuration('blocking') },
    ),
    read: (params) =>
      readPlainSend(params, { role: 'user', kinds: true, atOnce: { name: 'blocking', value: false } }),
  },
  'a send of 0.1': {
    codec: CODECS.v01,
    right: some(
      {
        id,
        message: fc.record({ role: fc.constant('user'), parts: parts({ type: fc.constant('text') }) }),
      },
      { sessionId: id, historyLength },
    ),
    read: readPlainTaskSend,
  },
  'a get of 1.0': { codec: CODECS.v1, right: some({ id }, { historyLength }), read: readPlainGet },
  'a get of 0.3': { codec: CODECS.v03, right: some({ id }, { historyLength }), read: readPlainGet },
};

/** A member that no dialect knows is ignored by every schema, and makes the params anything but plain. */
const throughSchema = (params: unknown): unknown =>
  typeof params === 'object' && params !== null && !Array.isArray(params)
    ? { ...params, 'no dialect knows': 1 }
    : params;

/** Through the parser, as every body comes: what JSON does not have is null there, or nothing. */
function parsed(params: unknown): unknown {
  const text = JSON.stringify(params, (_name, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  ) as string | undefined;
  return text === undefined ? undefined : JSON.parse(text);
}

describe('what is read without a schema', () => {
  for (const [name, { codec, right, read }] of Object.entries(PLAIN)) {
    const decode = (params: unknown): unknown =>
      name.startsWith('a get') ? codec.decodeGet(params) : codec.decodeSend(params);

    it(`is ${name} as long as it is plain`, () => {
      fc.assert(
        fc.property(right, (params) => {
          expect(read(params)).to.not.equal(undefined);
        }),
      );
    });

    it(`means what the schema makes of it: ${name}`, () => {
      fc.assert(
        fc.property(fc.oneof(right, nearlyRight(right)).map(parsed), (params) => {
          const decoded = attempt(() => decode(params));
          expect(decoded).to.deep.equal(attempt(() => decode(throughSchema(params))));
          if (read(params) !== undefined) expect(decoded).to.deep.equal(read(params));
        }),
        { numRuns: 2000 },
      );
    });
  }
});
