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
});
