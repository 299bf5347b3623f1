import { expect } from 'chai';
import fc from 'fast-check';
import sinon from 'sinon';
import { haveLongText, LONG_TEXT, toJson, toJsonAgain } from '../../../server/sessions/long-texts.ts';

const long = (about: string): string => `${about} "said"\n`.repeat(LONG_TEXT);

describe('JSON of long texts', () => {
  let clock: sinon.SinonFakeTimers;
  let stringify: sinon.SinonSpy;
  /** How often a long text was put into words since the last call. */
  const written = (): number => {
    const texts = stringify.args.filter(([value]) => typeof value === 'string' && value.length >= LONG_TEXT);
    stringify.resetHistory();
    return texts.length;
  };

  beforeEach(() => {
    clock = sinon.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    stringify = sinon.spy(JSON, 'stringify');
  });
  afterEach(() => {
    // what one test has made it remember is no other's
    clock.tick(1_000);
    clock.restore();
    stringify.restore();
  });

  it('is what JSON.stringify says', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.repeat(LONG_TEXT)),
    );
    const values = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        texts,
        fc.constantFrom(null, true, 0, -0, 1.5e300, NaN, '\ud800', '__proto__'),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(fc.oneof(fc.constant('__proto__'), fc.string()), tie('value'), { maxKeys: 4 }),
        fc.record({ left: fc.constant(undefined), there: tie('value') }),
      ),
    })).value;
    fc.assert(
      fc.property(values, (value) => {
        expect(toJson(value)).to.equal(JSON.stringify(value));
        expect(toJsonAgain([value])).to.equal(JSON.stringify([value]));
      }),
      { numRuns: 40 },
    );
  });

  it('puts a text into words once, in whatever it stands, while its request is answered', () => {
    const text = long('a');
    toJson({ parts: [{ text }] });
    expect(written()).to.equal(1);
    expect(toJson({ t: 'message', message: { parts: [{ text }] } })).to.contain(String.raw`a \"said\"\n`);
    // by content, for it may have been copied
    toJsonAgain([{ kind: 'text', text: Buffer.from(text).toString() }, { text }]);
    expect(written()).to.equal(0);
    toJson({ text: long('b') });
    expect(written()).to.equal(1);
  });

  it('forgets it within a second, so that what was erased is gone from here too', () => {
    const text = long('c');
    toJson({ text });
    clock.tick(999);
    toJson({ text, other: long('d') });
    expect(written()).to.equal(2);
    clock.tick(1);
    toJson({ text });
    expect(written()).to.equal(1);
  });

  it('remembers no more texts than requests are answered at a time, and no more characters', () => {
    const text = long('e');
    toJson(text);
    for (let n = 0; n < 127; n += 1) toJson(`${n} ${'x'.repeat(LONG_TEXT)}`);
    written();
    toJson(text);
    expect(written(), 'the 128th').to.equal(0);
    toJson(long('f'));
    written();
    toJson(text);
    expect(written(), 'behind 128 others').to.equal(1);

    const half = 'y'.repeat(2_097_000);
    toJson([text, half, `1${half}`]);
    written();
    toJson([half, `1${half}`]);
    expect(written(), 'within 4 MB').to.equal(0);
    toJson(`2${half}`);
    written();
    toJson([text, half]);
    expect(written(), 'the oldest are gone').to.equal(2);
    const huge = 'z'.repeat(4_200_000);
    toJson(huge);
    written();
    toJson(huge);
    expect(written(), 'never').to.equal(1);
  });

  it('is looked for again only while one is remembered', () => {
    const text = long('g');
    toJsonAgain({ text });
    toJsonAgain({ text });
    expect(stringify.args.every(([value]) => typeof value === 'object')).to.equal(true);
  });

  it('is for messages and artifacts with a text or a file of some length', () => {
    expect(haveLongText([{ text: 'short' }, { text: long('h') }])).to.equal(true);
    expect(haveLongText([{ raw: 'A'.repeat(LONG_TEXT) }])).to.equal(true);
    expect(haveLongText([{ raw: 'A'.repeat(LONG_TEXT - 1) }])).to.equal(false);
    expect(haveLongText([{ url: `https://a.example/${long('i')}` }, { data: { a: [] } }])).to.equal(false);
    expect(haveLongText([])).to.equal(false);
  });
});
