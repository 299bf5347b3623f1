import { expect } from 'chai';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import type { JsonValue } from '../../../protocol/units.ts';
import type { StoredMessage } from '../../../server/sessions/records.ts';
import {
  canonicalJson,
  derivedSessionId,
  randomLocalId,
  randomSessionId,
  toStoredMessage,
} from '../../../server/a2a/message-identity.ts';

/** As it was said first, and as ids in stores were made: member by member. */
function referenceJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
function referenceId(tenant: string, subject: string, message: StoredMessage): string {
  const content = createHash('sha256').update(referenceJson(message)).digest('base64url');
  const text = JSON.stringify(['message', tenant, subject, message.messageId, content]);
  return createHash('sha256').update(text).digest().subarray(0, 20).toString('base64url');
}

const json = fc.jsonValue() as fc.Arbitrary<JsonValue>;
const message = fc.record(
  {
    messageId: fc.string({ minLength: 1 }),
    role: fc.constant('ROLE_USER' as const),
    parts: fc.array(fc.oneof(fc.record({ text: fc.string() }), fc.record({ data: json }))),
    contextId: fc.string(),
    taskId: fc.string(),
    extensions: fc.array(fc.string()),
    metadata: fc.dictionary(fc.string(), json),
    referenceTaskIds: fc.array(fc.string()),
  },
  { requiredKeys: ['messageId', 'role', 'parts'] },
);

describe('the identity of a message', () => {
  it('is JSON with sorted keys, as it always was', () => {
    const tricky = JSON.parse('{"b":1,"a":[{"10":0,"9":1,"z":{"__proto__":{"y":1,"x":2}}}]}') as JsonValue;
    fc.assert(
      fc.property(fc.oneof(json, fc.constant(tricky)), (value) => {
        expect(canonicalJson(value)).to.equal(referenceJson(value));
      }),
    );
  });

  it('is said of deep, unsorted JSON in a moment', () => {
    let deep: JsonValue = {};
    for (let level = 0; level < 500; level += 1) deep = { b: level, a: deep };
    expect(canonicalJson(deep)).to.equal(referenceJson(deep));
  });

  it('changes nothing of the value that it is made of', () => {
    fc.assert(
      fc.property(json, (value) => {
        const before = JSON.stringify(value);
        canonicalJson(value);
        expect(JSON.stringify(value)).to.equal(before);
      }),
    );
  });

  it('leads to the session that it always led to', () => {
    fc.assert(
      fc.property(message, fc.string(), (said, subject) => {
        const stored = toStoredMessage(said);
        expect(derivedSessionId('t', subject, stored)).to.equal(referenceId('t', subject, stored));
      }),
    );
  });

  it('leaves out of what is stored what its place says, and nothing else', () => {
    fc.assert(
      fc.property(message, (said) => {
        const { contextId, taskId, ...rest } = said;
        expect(toStoredMessage(said)).to.deep.equal(rest);
        expect([contextId, taskId]).to.deep.equal([said.contextId, said.taskId]);
      }),
    );
  });
});

describe('random ids', () => {
  it('have their bits, are safe in keys, and never come twice', () => {
    const locals = Array.from({ length: 10_000 }, randomLocalId);
    const sessions = Array.from({ length: 10_000 }, randomSessionId);
    expect(new Set([...locals, ...sessions]).size).to.equal(20_000);
    for (const id of locals) expect(id).to.match(/^[A-Za-z0-9_-]{16}$/);
    for (const id of sessions) expect(id).to.match(/^[A-Za-z0-9_-]{27}$/);
  });
});
