import { expect } from 'chai';
import fc from 'fast-check';
import {
  formatIdentity,
  parseIdentity,
  toDecided,
  type RecordBody,
} from '../../../server/sessions/records.ts';
import { fromStoredJson, toStoredJson } from '../../../server/sessions/stored-json.ts';
import {
  encodeId,
  encodeTaskId,
  joinTaskId,
  refKey,
  splitTaskId,
} from '../../../server/sessions/session-ref.ts';
import { userMessage } from '../../helpers/sessions.ts';

const MESSAGE: RecordBody = { t: 'message', at: 7, task: 't1', message: userMessage('hello') };
const BEFORE = { instance: 'i1', seq: 4 };

describe('a record in the store', () => {
  const json = (seq: number, follows: typeof BEFORE | undefined, first: boolean): string =>
    toStoredJson(
      toDecided({ instance: 'i1', seq }, MESSAGE),
      follows,
      first || follows === undefined ? undefined : toDecided(follows, MESSAGE),
    );

  it('says its identity first in a commit, and wherever it does not count on', () => {
    expect(json(5, BEFORE, false)).to.equal(JSON.stringify(MESSAGE));
    expect(JSON.parse(json(5, BEFORE, true))).to.deep.equal({ ...MESSAGE, o: 'i1.5' });
    expect(JSON.parse(json(6, BEFORE, false))).to.deep.equal({ ...MESSAGE, o: 'i1.6' });
    expect(JSON.parse(json(1, undefined, true))).to.deep.equal({ ...MESSAGE, o: 'i1.1' });
  });

  it('says whom it follows when that is not the record before it by the same instance', () => {
    expect(JSON.parse(json(6, BEFORE, true))).to.deep.equal({ ...MESSAGE, o: 'i1.6', p: 'i1.4' });
    const other = { instance: 'i2', seq: 4 };
    expect(JSON.parse(json(5, other, true))).to.deep.equal({ ...MESSAGE, o: 'i1.5', p: 'i2.4' });
  });

  it('says its identity behind the chunks of an artifact, which may be deleted one day', () => {
    const chunk = (artifactId: string, more: object = { append: true }): RecordBody => ({
      t: 'artifact',
      at: 7,
      task: 't1',
      artifact: { artifactId, parts: [] },
      ...more,
    });
    const behind = (body: RecordBody): unknown =>
      (
        JSON.parse(
          toStoredJson(toDecided({ instance: 'i1', seq: 5 }, body), BEFORE, toDecided(BEFORE, chunk('a'))),
        ) as { o?: string }
      ).o;
    expect(behind(chunk('a'))).to.equal(undefined);
    for (const body of [MESSAGE, chunk('b'), chunk('a', { whole: true }), { ...chunk('a'), task: 't2' }])
      expect(behind(body), JSON.stringify(body)).to.equal('i1.5');
  });

  it('comes back with its identity, also where it says none', () => {
    for (const text of [json(5, BEFORE, true), json(5, BEFORE, false)]) {
      const record = fromStoredJson(9, text, BEFORE);
      expect(record?.identity).to.deep.equal({ instance: 'i1', seq: 5 });
      expect(record?.body).to.deep.equal(MESSAGE);
    }
    expect(fromStoredJson(1, JSON.stringify(MESSAGE), undefined)).to.equal(undefined);
  });

  it('counts its bytes as UTF-8', () => {
    const record = toDecided(BEFORE, { ...MESSAGE, message: userMessage('ä€😀') });
    expect(record.bytes).to.equal(Buffer.byteLength(record.json));
    expect(record.bytes).to.be.above(record.json.length);
  });

  it('is kept unread when its type or its version is not known here', () => {
    const unknown = fromStoredJson(2, '{"t":"dance","at":1,"o":"i2.1"}', BEFORE);
    expect([unknown?.body, unknown?.skippable]).to.deep.equal([undefined, false]);
    const skippable = fromStoredJson(2, '{"t":"dance","at":1,"skippable":true}', BEFORE);
    expect([skippable?.body, skippable?.skippable]).to.deep.equal([undefined, true]);
    expect(skippable?.identity).to.deep.equal({ instance: 'i1', seq: 5 });
    const newer = fromStoredJson(2, JSON.stringify({ ...MESSAGE, v: 2 }), BEFORE);
    expect([newer?.body, newer?.skippable]).to.deep.equal([undefined, false]);
    expect(fromStoredJson(2, '{"t":"constructor","at":1}', BEFORE)?.body).to.equal(undefined);
  });

  for (const [what, text] of [
    ['missing', null],
    ['not JSON', '{'],
    ['not an object', '[]'],
    ['null', 'null'],
    ['without a type', '{}'],
    ['without a time', '{"t":"created"}'],
    ['a message without parts', '{"t":"message","at":1,"task":"t1","message":{}}'],
    ['a message that is none', '{"t":"message","at":1,"task":"t1","message":7}'],
    ['a status of an unknown state', '{"t":"status","at":1,"task":"t1","state":"TASK_STATE_HAPPY"}'],
    ['an artifact without parts', '{"t":"artifact","at":1,"task":"t1","artifact":{"artifactId":"a"}}'],
    ['a refusal of nothing', '{"t":"refused","at":1,"why":"x","record":{}}'],
    ['an identity that is none', '{"t":"created","at":1,"o":"nobody"}'],
  ] as const) {
    it(`is damaged when it is ${what}`, () => {
      expect(fromStoredJson(2, text, BEFORE)).to.equal(undefined);
    });
  }

  it('is never taken for another one: any text is either damaged or has an identity', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const record = fromStoredJson(2, text, BEFORE);
        expect(record === undefined || record.identity.seq > 0).to.equal(true);
      }),
    );
  });
});

describe('an identity', () => {
  it('survives being written and read', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.integer({ min: 1 }), (instance, seq) => {
        expect(parseIdentity(formatIdentity({ instance, seq }))).to.deep.equal({ instance, seq });
      }),
    );
  });

  it('is not read from anything else', () => {
    for (const text of ['', '.', 'i1', 'i1.', '.1', 'i1.0', 'i1.-1', 'i1.1.5x', 'i1.1e999'])
      expect(parseIdentity(text), text).to.equal(undefined);
  });
});

describe('an id in a key', () => {
  const id = fc.string({ unit: 'grapheme', minLength: 1 });
  const tricky = fc.array(fc.constantFrom('a', '.', ':', '*', '{', '}', '%', '%2E', '/', '\0', 'ä'), {
    minLength: 1,
    maxLength: 6,
  });
  const anyId = fc.oneof(
    id,
    tricky.map((parts) => parts.join('')),
  );

  it('is made of safe characters, and no two ids share one', () => {
    fc.assert(
      fc.property(anyId, anyId, (a, b) => {
        expect(encodeId(a)).to.match(/^[A-Za-z0-9_%-]+$/);
        expect(encodeId(a) === encodeId(b)).to.equal(a === b);
        expect(decodeURIComponent(encodeId(a))).to.equal(a);
      }),
    );
  });

  it('does not run into its neighbour', () => {
    fc.assert(
      fc.property(anyId, anyId, anyId, (a, b, c) => {
        const one = refKey({ tenant: `${a}:${b}`, sessionId: c });
        expect(one).not.to.equal(refKey({ tenant: a, sessionId: `${b}:${c}` }));
      }),
    );
    expect(encodeTaskId('a.b', 'c')).to.equal('a%2Eb.c');
  });

  it('of a task is split at its last dot', () => {
    expect(splitTaskId('a.b.c')).to.deep.equal({ sessionId: 'a.b', local: 'c' });
    for (const text of ['', 'a', '.a', 'a.']) expect(splitTaskId(text), text).to.equal(undefined);
    fc.assert(
      fc.property(anyId, (sessionId) => {
        expect(splitTaskId(joinTaskId(sessionId, 'x1'))).to.deep.equal({ sessionId, local: 'x1' });
      }),
    );
  });
});
