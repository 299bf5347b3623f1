import { expect } from 'chai';
import fc from 'fast-check';
import { LayeredList, LayeredMap } from '../../../server/sessions/layered.ts';

/** What each layer adds, from the lowest. */
const layers = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[][]> =>
  fc.array(fc.array(item, { maxLength: 4 }), { minLength: 1, maxLength: 4 });

describe('what is forked in layers', () => {
  it('is, as a list, what all layers have added in their order', () => {
    fc.assert(
      fc.property(layers(fc.nat(9)), fc.nat(20), (added, count) => {
        let list = new LayeredList<number>();
        const plain: number[] = [];
        added.forEach((items, i) => {
          if (i > 0) list = list.fork();
          for (const item of items) list.push(item);
          plain.push(...items);
        });
        expect([...list]).to.deep.equal(plain);
        expect(list.toArray()).to.deep.equal(plain);
        expect([...list.newestFirst()]).to.deep.equal(plain.toReversed());
        expect(list.last(count)).to.deep.equal(plain.slice(Math.max(0, plain.length - count)));
        expect(list.last(-1)).to.deep.equal([]);
        expect(list.length).to.equal(plain.length);
        expect(Array.from({ length: plain.length + 1 }, (_, i) => list.at(i))).to.deep.equal([
          ...plain,
          undefined,
        ]);
      }),
    );
  });

  it('is, as a map, the newest value of each key, in the order in which the keys came', () => {
    fc.assert(
      fc.property(layers(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(9))), (added) => {
        let map = new LayeredMap<string, number>();
        const plain = new Map<string, number>();
        added.forEach((entries, i) => {
          if (i > 0) map = map.fork();
          const own = new Map<string, number>();
          for (const [key, value] of entries) {
            map.set(key, value);
            own.set(key, value);
            plain.set(key, value);
          }
          for (const key of 'abcde') expect(map.getOwn(key)).to.equal(own.get(key));
        });
        expect([...map.entries()]).to.deep.equal([...plain]);
        expect(map.keys()).to.deep.equal([...plain.keys()]);
        expect(map.values()).to.deep.equal([...plain.values()]);
        for (const key of 'abcde') expect(map.get(key)).to.equal(plain.get(key));
      }),
    );
  });

  it('keeps that order when a layer has more keys than are looked through one by one', () => {
    const keys = Array.from({ length: 24 }, (_, i) => `key ${i}`);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), fc.nat(9)), { maxLength: 80 }), (entries) => {
        const map = new LayeredMap<string, number>();
        const plain = new Map<string, number>();
        for (const [key, value] of entries) {
          map.set(key, value);
          plain.set(key, value);
          expect(map.get(key)).to.equal(value);
        }
        expect([...map.fork().entries()]).to.deep.equal([...plain]);
        for (const key of keys) expect(map.getOwn(key)).to.equal(plain.get(key));
      }),
    );
  });

  it('leaves what lies below as it was', () => {
    const list = new LayeredList<string>();
    const map = new LayeredMap<string, string | null>();
    list.push('one');
    map.set('k', 'one');
    const [more, other] = [list.fork(), map.fork()];
    more.push('two');
    other.set('k', null);
    expect([[...list], [...more]]).to.deep.equal([['one'], ['one', 'two']]);
    // A value may be null: it is one, and hides what is below.
    expect([map.get('k'), other.get('k')]).to.deep.equal(['one', null]);
  });
});
