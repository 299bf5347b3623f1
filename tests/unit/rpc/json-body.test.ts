import { expect } from 'chai';
import { parseJsonBody } from '../../../server/rpc/json-body.ts';

const parse = (text: string): unknown => parseJsonBody(new TextEncoder().encode(text));

describe('the body of a request', () => {
  it('has no zero with a sign, which would come back from the store as another number and make a repeat another message', () => {
    const parsed = parse(
      '{"a": -0, "b": [-0.0,\n -0e3, -0.5], "c": ": -0", "__proto__": {"d": -0}}',
    ) as object;
    // Deep equality of chai tells them apart, and so does that of a repeat.
    expect(parsed).to.deep.equal(
      JSON.parse('{"a": 0, "b": [0, 0, -0.5], "c": ": -0", "__proto__": {"d": 0}}'),
    );
    expect(Object.hasOwn(parsed, '__proto__')).to.equal(true);
    expect(parse('-0')).to.equal(0);
    expect(Object.is(parse('-0'), 0)).to.equal(true);
  });

  it('is nested no deeper than 64 levels, however long it is', () => {
    const nested = (levels: number, text: string): string =>
      `${'[{"a":'.repeat(levels / 2)}"${text}"${'}]'.repeat(levels / 2)}`;
    for (const text of ['', 'x'.repeat(100_000), '[{'.repeat(50_000), '\\\\\\"{['.repeat(1_000)]) {
      expect(parse(nested(64, text))).to.be.an('array');
      expect(() => parse(nested(66, text))).to.throw('nested deeper than 64');
      expect(() => parse(`[${nested(64, text)}]`)).to.throw('nested deeper than 64');
    }
    // Many brackets side by side are not deep.
    expect(parse(`[${'[],{},'.repeat(1_000)}0]`)).to.have.length(2_001);
  });
});
