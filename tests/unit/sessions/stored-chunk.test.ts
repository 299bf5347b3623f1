import { expect } from 'chai';
import fc from 'fast-check';
import { toDecided, type ArtifactRecord } from '../../../server/sessions/records.ts';
import { fromStoredJson, toStoredJson } from '../../../server/sessions/stored-json.ts';

const HERE = { instance: 'i1', seq: 5 };
const BEFORE = { instance: 'i1', seq: 4 };
const CHUNK: ArtifactRecord = {
  t: 'artifact',
  at: 7,
  task: 't1',
  by: 'i1.2',
  artifact: { artifactId: 'a', parts: [{ text: 'more' }] },
  append: true,
};
const SHORT = '{"t":"chunk","is":[7,"t1",2,"a","more"]}';

const stored = (body: ArtifactRecord): string => toStoredJson(toDecided(HERE, body), BEFORE, undefined);
/** Behind a record of this instance, in the same commit. */
const read = (json: string) => fromStoredJson(9, json, BEFORE);

describe('more text of an artifact', () => {
  it('is stored without the names of its members', () => {
    expect(toDecided(HERE, CHUNK).json).to.equal(SHORT);
    expect(stored(CHUNK)).to.equal(`${SHORT.slice(0, -1)},"o":"i1.5"}`);
    expect(toDecided(HERE, CHUNK).bytes).to.equal(SHORT.length);
  });

  it('has the name of its artifact behind its text, where it is said', () => {
    const named = { ...CHUNK, artifact: { ...CHUNK.artifact, name: 'story' } };
    expect(toDecided(HERE, named).json).to.equal('{"t":"chunk","is":[7,"t1",2,"a","more","story"]}');
    expect(read(stored(named))?.body).to.deep.equal(named);
  });

  it('comes back as it was, whoever ran the task and whatever else there is to say of it', () => {
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 1 });
    const by = fc.oneof(
      fc.constantFrom('i1.1', 'i1.12', 'i1.01', 'i1.', 'i1', 'i10.1', 'i1.1.1', 'i1.-1', 'i1.1e3', '', '7'),
      fc.string(),
    );
    const part = fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => ({ text })),
      fc.constantFrom({ text: 'x', mediaType: 'text/html' }, { data: 1 }, { text: 'x', metadata: {} }),
    );
    const body = fc.record({
      at: fc.integer({ min: 0 }),
      task: fc.string(),
      by: maybe(by),
      artifactId: fc.string(),
      name: maybe(fc.string()),
      parts: fc.array(part, { maxLength: 2 }),
      append: fc.constantFrom(true as const, undefined),
      last: maybe(fc.boolean()),
      whole: maybe(fc.constant(true as const)),
      metadata: maybe(fc.constant({ a: 1 })),
    });
    fc.assert(
      fc.property(body, ({ artifactId, name, parts, ...more }) => {
        const artifact = { artifactId, ...(name !== undefined && { name }), parts };
        const plain = JSON.parse(JSON.stringify({ t: 'artifact', ...more, artifact })) as ArtifactRecord;
        const record = read(stored(plain));
        expect(record?.body).to.deep.equal(plain);
        expect(record?.identity).to.deep.equal(HERE);
        // as an instance offers again what it finds to be its own
        const again = record?.body && toDecided(record.identity, record.body);
        expect(again?.json).to.equal(toDecided(HERE, plain).json);
      }),
    );
  });

  it('is read in its long form, too', () => {
    expect(read(JSON.stringify(CHUNK))?.body).to.deep.equal(CHUNK);
  });

  it('counts on from the record in front of it, and says its own instance where it does not', () => {
    const elsewhere = fromStoredJson(9, SHORT, { instance: 'i2', seq: 1 });
    expect(elsewhere?.body).to.deep.equal({ ...CHUNK, by: 'i2.2' });
    const said = fromStoredJson(9, stored(CHUNK), { instance: 'i2', seq: 1 });
    expect([said?.body, said?.says]).to.deep.equal([CHUNK, true]);
  });

  it('is nobody`s where its writer is not known, and unreadable where nothing is', () => {
    const { t, at, task, artifact, append } = CHUNK;
    expect(fromStoredJson(9, SHORT, { instance: '', seq: 0 })?.body).to.deep.equal({
      ...{ t, at, task, artifact, append },
    });
    expect(fromStoredJson(9, SHORT, undefined)).to.equal(undefined);
  });

  it('is kept unread in a version that is not known here', () => {
    const newer = read('{"t":"chunk","v":2,"is":"else"}');
    expect([newer?.body, newer?.skippable]).to.deep.equal([undefined, false]);
  });

  for (const is of [
    '',
    '7',
    '[]',
    '[7,"t1",2,"a"]',
    '[7,"t1",2,"a","more",1]',
    '[7,"t1",2,"a","more","a name",1]',
    '["7","t1",2,"a","more"]',
  ].concat(['[7,1,2,"a","more"]', '[7,"t1",2,1,"more"]', '[7,"t1",2,"a",1]', '[7,"t1",{},"a","more"]'])) {
    it(`is damaged when it is ${is}`, () => {
      expect(read(`{"t":"chunk"${is && `,"is":${is}`}}`)).to.equal(undefined);
    });
  }
});
