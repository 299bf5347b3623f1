import { expect } from 'chai';
import * as fc from 'fast-check';
import { canonicalJson, withoutEmpty } from '../../../protocol/canonical-json.ts';
import type { JsonValue } from '../../../protocol/units.ts';

describe('canonicalJson', () => {
  it('writes numbers, strings and literals as RFC 8785 shows', () => {
    const value = JSON.parse(
      '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],' +
        '"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
    ) as JsonValue;
    expect(canonicalJson(value)).to.equal(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
    expect(canonicalJson(-0)).to.equal('0');
  });

  it('sorts names by their UTF-16 code units, integers among them', () => {
    const names = ['€', '\r', '\ufb33', '1', '😀', '\u0080', 'ö', '10', '9'];
    const sorted = ['\r', '1', '10', '9', '\u0080', 'ö', '€', '😀', '\ufb33'];
    const value = Object.fromEntries(names.map((name) => [name, 0]));
    expect(canonicalJson(value)).to.equal(`{${sorted.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`);
  });

  it('sorts at every depth and leaves lists in their order', () => {
    expect(canonicalJson([{ b: [2, 1], a: { d: 1, c: 2 } }])).to.equal('[{"a":{"c":2,"d":1},"b":[2,1]}]');
  });

  it('says the same value, whatever it is', () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'grapheme' }), (value) => {
        const canonical = canonicalJson(value as JsonValue);
        // What JSON.parse makes of the plain spelling is what it makes of ours, and again ours.
        expect(JSON.parse(canonical)).to.deep.equal(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(canonical) as JsonValue)).to.equal(canonical);
      }),
    );
  });

  it('refuses what JSON cannot say', () => {
    for (const value of [NaN, Infinity, '\ud800', { '\udc00': 1 }])
      expect(() => canonicalJson(value)).to.throw(TypeError);
  });
});

describe('withoutEmpty', () => {
  it('drops what says nothing, at any depth, and nothing else', () => {
    const value = { a: '', b: [], c: {}, d: [{ e: null }], f: false, g: 0, h: [{ i: 'x', j: [[]] }, ''] };
    expect(withoutEmpty(value)).to.deep.equal({ f: false, g: 0, h: [{ i: 'x' }] });
    expect(withoutEmpty({ a: [{}] })).to.equal(undefined);
  });
});
