import { expect } from 'chai';
import { median, ratioOf, spreadOf } from '../../../scripts/bench/statistics.ts';

describe('the statistics of the bench', () => {
  it('take the middle of the rounds, or the mean of the middle two', () => {
    expect(median([9, 1, 5])).to.equal(5);
    expect(median([4, 1, 3, 2])).to.equal(2.5);
    expect(median([7])).to.equal(7);
    expect(median([])).to.satisfy(Number.isNaN);
  });

  it('tell how far apart the rounds were', () => {
    expect(spreadOf([3, 1, 2])).to.deep.equal({ value: 2, low: 1, high: 3 });
  });

  it('divide medians, and in the spread the two values of one round', () => {
    expect(ratioOf([10, 40, 30], [10, 20, 10])).to.deep.equal({ value: 3, low: 1, high: 3 });
  });

  it('know no spread of a ratio when the rounds do not belong together', () => {
    expect(ratioOf([10, 20, 30], [10])).to.deep.equal({ value: 2, low: 2, high: 2 });
  });

  it('have no ratio of what was not measured', () => {
    expect(ratioOf([], [1])).to.equal(undefined);
    expect(ratioOf([1], [])).to.equal(undefined);
  });
});
