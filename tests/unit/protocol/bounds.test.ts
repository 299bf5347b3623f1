import { expect } from 'chai';
import { CODECS } from '../../../protocol/dialects/codecs.ts';
import type { Dialect } from '../../../protocol/model.ts';
import { refusal } from './fixtures.ts';

/** Params of a send with some members replaced, in each dialect. */
const SENDS: Record<Dialect, (message: object) => unknown> = {
  v1: (message) => ({ message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'x' }], ...message } }),
  v03: (message) => ({
    message: { messageId: 'm', role: 'user', parts: [{ kind: 'text', text: 'x' }], ...message },
  }),
  v01: (message) => ({
    id: 't',
    message: { role: 'user', parts: [{ type: 'text', text: 'x' }], ...message },
  }),
};
const TEXT: Record<Dialect, (text: string) => object> = {
  v1: (text) => ({ text }),
  v03: (text) => ({ kind: 'text', text }),
  v01: (text) => ({ type: 'text', text }),
};
const DATA: Record<Dialect, (data: unknown) => object> = {
  v1: (data) => ({ data }),
  v03: (data) => ({ kind: 'data', data }),
  v01: (data) => ({ type: 'data', data }),
};

const nested = (levels: number): unknown => (levels === 0 ? {} : { a: nested(levels - 1) });

for (const dialect of ['v1', 'v03', 'v01'] as const) {
  const send = (message: object) => CODECS[dialect].decodeSend(SENDS[dialect](message));
  const decodeGet = (params: unknown) => CODECS[dialect].decodeGet(params);
  const text = TEXT[dialect];

  describe(`the bounds of ${dialect}`, () => {
    it('take 256 parts and no more', () => {
      expect(send({ parts: Array(256).fill(text('x')) }).message.parts).to.have.length(256);
      expect(refusal(() => send({ parts: Array(257).fill(text('x')) }))).to.deep.equal({
        'message.parts': 'must have at most 256 entries',
      });
      expect(refusal(() => send({ parts: [] }))).to.deep.equal({ 'message.parts': 'must not be empty' });
    });

    it('answer a million faults with one', () => {
      expect(refusal(() => send({ parts: Array(1_000_000).fill(1) }))).to.have.keys('message.parts');
    });

    it('take 64 KiB of metadata and no more, in bytes of JSON', () => {
      const metadata = { k: 'é'.repeat((64 * 1024 - '{"k":""}'.length) / 2) };
      expect(Buffer.byteLength(JSON.stringify(metadata))).to.equal(65536);
      expect(send({ metadata }).message.metadata).to.deep.equal(metadata);
      expect(refusal(() => send({ metadata: { k: `${metadata.k}x` } }))).to.deep.equal({
        'message.metadata': 'must be at most 65536 bytes of JSON',
      });
      const part = { ...text('x'), metadata: { k: `${metadata.k}x` } };
      expect(refusal(() => send({ parts: [part] }))).to.have.keys('message.parts[0].metadata');
    });

    it('take task ids of 279 bytes and no more', () => {
      expect(decodeGet({ id: `é${'x'.repeat(277)}` }).id).to.have.length(278);
      expect(refusal(() => decodeGet({ id: `é${'x'.repeat(278)}` }))).to.deep.equal({
        id: 'must be at most 279 bytes of UTF-8',
      });
    });

    it('refuse ids that cannot be keys', () => {
      for (const id of ['', 'a\u0000', 'a\nb', 'a\u007f', 'a\u0085', '\ud800', 'x\udc00y', 5, null, {}]) {
        expect(
          refusal(() => decodeGet({ id })),
          JSON.stringify(id),
        ).to.have.keys('id');
      }
      for (const id of ['a', 'a:b', 'a.b', '{a}', '*', '../..', '__proto__', '\u{1f600}', ' ']) {
        expect(decodeGet({ id }).id).to.equal(id);
      }
    });

    it('refuse text that has no UTF-8, wherever it stands', () => {
      const bad = 'a\ud800b';
      const why = 'must be well-formed Unicode, without lone surrogates';
      expect(refusal(() => send({ parts: [text(bad)] }))).to.deep.equal({ 'message.parts[0].text': why });
      expect(refusal(() => send({ metadata: { a: [{ b: bad }] } }))).to.deep.equal({
        'message.metadata.a[0].b': why,
      });
      expect(refusal(() => send({ metadata: { [bad]: 1 } }))).to.deep.equal({
        'message.metadata.a\ufffdb': why,
      });
      const data = DATA[dialect]({ a: bad });
      expect(refusal(() => send({ parts: [data] }))).to.deep.equal({ 'message.parts[0].data.a': why });
      expect(send({ parts: [text('\u{1f600}')] }).message.parts[0]).to.deep.equal({ text: '\u{1f600}' });
    });

    it('refuse numbers that would come back as null', () => {
      const data: unknown = JSON.parse('{"a":1e400}');
      expect(refusal(() => send({ parts: [DATA[dialect](data)] }))).to.have.keys('message.parts[0].data.a');
    });

    it('refuse nesting that would overflow the stack', () => {
      expect(send({ parts: [DATA[dialect](nested(63))] }).message.parts[0]).to.deep.equal({
        data: nested(63),
      });
      const fields = refusal(() => send({ parts: [DATA[dialect](nested(64))] }));
      expect(Object.values(fields)).to.deep.equal(['must not be nested more than 64 levels deep']);
      const lists: unknown = JSON.parse(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
      expect(Object.values(refusal(() => send({ parts: [DATA[dialect](lists)] })))).to.have.length(1);
    });

    it('repeat little of a key that is too long to repeat', () => {
      const [field] = Object.keys(refusal(() => send({ metadata: { ['k'.repeat(60_000)]: '\ud800' } })));
      expect(field).to.equal(`message.metadata.${'k'.repeat(64)}`);
    });
  });
}

describe('the bounds of ids', () => {
  const long = 'x'.repeat(257);

  it('take 256 bytes for messages and sessions', () => {
    for (const member of ['messageId', 'contextId']) {
      for (const dialect of ['v1', 'v03'] as const) {
        const send = (message: object) => CODECS[dialect].decodeSend(SENDS[dialect](message));
        expect(send({ [member]: 'x'.repeat(256) }).message).to.have.property(member);
        expect(refusal(() => send({ [member]: long }))).to.deep.equal({
          [`message.${member}`]: 'must be at most 256 bytes of UTF-8',
        });
      }
    }
    const v01 = refusal(() => CODECS.v01.decodeSend({ ...Object(SENDS.v01({})), id: long, sessionId: long }));
    expect(v01).to.have.keys('id', 'sessionId');
  });

  it('take 32 references', () => {
    for (const dialect of ['v1', 'v03'] as const) {
      const codec = CODECS[dialect];
      const refer = (count: number) =>
        codec.decodeSend(SENDS[dialect]({ referenceTaskIds: Array(count).fill('t') }));
      expect(refer(32).message.referenceTaskIds).to.have.length(32);
      expect(refusal(() => refer(33))).to.have.keys('message.referenceTaskIds');
    }
  });
});
