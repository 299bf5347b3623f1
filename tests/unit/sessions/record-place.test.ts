import { expect } from 'chai';
import fc from 'fast-check';
import {
  contradicts,
  formatPlace,
  nextPlace,
  parsePlace,
  toBase36,
  type Place,
} from '../../../server/sessions/record-place.ts';
import type { JournalTail } from '../../../server/sessions/session-store.ts';

/** A reader that stands at record 10, which X wrote as its tenth. */
const AT = { head: 10, w: { instance: 'X', seq: 10 } };

type Said = { o?: string; p?: string } | null;

/** What of each record says where it stands; null: it cannot be read. */
function tailOf(places: readonly Said[], more = false): JournalTail {
  const records = places.map((place, i) => ({
    n: AT.head + 1 + i,
    json: place === null ? null : JSON.stringify({ t: 'created', at: 1, ...place }),
  }));
  return { records, more };
}

const contradictsWith = (places: readonly Said[], w: string, more = false): boolean =>
  contradicts(AT, tailOf(places, more), { epoch: 'e', head: AT.head + places.length, w });

/** Where a journal stands whose records are these, from the first. */
function standing(...names: readonly string[]): Place {
  const place = names.reduce<Place | undefined>((before, name, i) => {
    const [instance = '', seq] = name.split('.');
    return nextPlace(before, { n: i + 1, identity: { instance, seq: Number(seq) } });
  }, undefined);
  if (place === undefined) throw new Error('no records');
  return place;
}

describe('where a journal stands', () => {
  it('is told by all of its records in their order, not by the last alone', () => {
    const one = standing('X.1', 'Y.1', 'X.2');
    const other = standing('Y.1', 'X.1', 'X.2');
    expect([other.instance, other.seq]).to.deep.equal([one.instance, one.seq]);
    expect(formatPlace(other)).to.not.equal(formatPlace(one));
    expect(formatPlace(standing('X.1', 'Y.1', 'X.2'))).to.equal(formatPlace(one));
    expect(formatPlace(standing('X.1', 'Y.12'))).to.not.equal(formatPlace(standing('X.11', 'Y.2')));
  });

  it('is the same after it was stored and read', () => {
    const places = Array.from({ length: 2_000 }, (_, i) =>
      standing(...Array.from({ length: (i % 7) + 1 }, (_, n) => `X${i}.${n + 1}`)),
    );
    for (const place of places) expect(parsePlace(formatPlace(place))).to.deep.equal(place);
    expect(new Set(places.map(({ chain }) => chain)).size).to.equal(places.length);
  });

  it('is written as numbers of base 36 always were', () => {
    const edges = [0, 1, 35, 36, 1_295, 1_296, 2 ** 31, 2 ** 32, 36 ** 10, Number.MAX_SAFE_INTEGER];
    for (const value of edges) expect(toBase36(value)).to.equal(value.toString(36));
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(toBase36(value)).to.equal(value.toString(36));
      }),
    );
  });

  it('has the digest that stands in stores already', () => {
    expect(formatPlace(standing('AbC-9_.1', 'AbC-9_.2', 'other.77'))).to.equal('other.77:16ub3kk2bv');
  });

  it('is told as far as it is known', () => {
    const unknown = { instance: 'X', seq: 3 };
    expect(formatPlace(unknown)).to.equal('X.3');
    expect(parsePlace('X.3')).to.deep.equal(unknown);
    expect(parsePlace('X.3:?')).to.deep.equal(unknown);
    expect(nextPlace(unknown, { n: 9, identity: { instance: 'Y', seq: 1 } })).to.deep.equal({
      instance: 'Y',
      seq: 1,
    });
    for (const none of ['', ':', ':1', 'X:1', '.1:1']) expect(parsePlace(none)).to.equal(undefined);
  });

  it('tells a tail that could count on from one that does', () => {
    const before = ['X.1', 'Y.1', 'X.2'];
    const at = { head: 3, w: standing(...before) };
    const tail = { records: [4, 5].map((n) => ({ n, json: '{"t":"created","at":1}' })), more: false };
    const stands = (...names: string[]) => ({ epoch: 'e', head: 5, w: formatPlace(standing(...names)) });
    expect(contradicts(at, tail, stands(...before, 'X.3', 'X.4'))).to.equal(false);
    expect(contradicts(at, tail, stands('Y.1', 'X.1', 'X.2', 'X.3', 'X.4'))).to.equal(true);
    const late = { ...tail, records: [{ n: 3, json: '{"t":"created","at":1,"o":"X.2"}' }, ...tail.records] };
    expect(contradicts(at, late, stands('Y.1', 'X.1', 'X.2', 'X.3', 'X.4'))).to.equal(true);
  });

  it('takes nothing from a record that cannot be read', () => {
    const records = [{ n: AT.head + 1, json: '~' }];
    const cursor = { epoch: 'e', head: AT.head + 1, w: 'Y.3' };
    expect(contradicts(AT, { records, more: false }, cursor)).to.equal(false);
  });
});

describe('what follows a record', () => {
  const fits: readonly (readonly [string, readonly Said[], string, boolean?])[] = [
    ['more of the same commit', [{}, {}], 'X.12'],
    ['another commit of the same instance', [{ o: 'X.11' }, {}], 'X.12'],
    ['a later one, with numbers that were given to nothing', [{ o: 'X.15' }], 'X.15'],
    ['a commit of somebody else behind it', [{ o: 'Y.3', p: 'X.10' }, {}], 'Y.4'],
    ['both, one after the other', [{}, { o: 'Y.3', p: 'X.11' }, {}], 'Y.4'],
    ['what cannot be read, and whatever is behind it', [null, { o: 'Y.3', p: 'Z.1' }], 'Y.3'],
    ['the beginning of a long tail, however it ends', [{}, {}], 'Y.90', true],
  ];
  for (const [title, places, w, more] of fits)
    it(`may be ${title}`, () => {
      expect(contradictsWith(places, w, more)).to.equal(false);
    });

  const doNotFit: readonly (readonly [string, readonly Said[], string])[] = [
    ['a commit behind somebody else', [{ o: 'Y.3', p: 'Z.4' }], 'Y.3'],
    ['a commit of somebody else that follows itself', [{ o: 'Y.3' }], 'Y.3'],
    ['what the same instance has written before', [{ o: 'X.9' }], 'X.9'],
    ['the middle of another commit that comes out elsewhere', [{}, {}], 'Y.12'],
    ['the middle of another commit, with one more behind it', [{}, {}, { o: 'Z.1', p: 'Y.24' }], 'Z.1'],
    ['a tail whose second commit follows something else', [{ o: 'X.11' }, { o: 'Z.1', p: 'X.12' }], 'Z.1'],
  ];
  for (const [title, places, w] of doNotFit)
    it(`is not ${title}`, () => {
      expect(contradictsWith(places, w)).to.equal(true);
    });
});
