import { expect } from 'chai';
import { LoopWatch } from '../../../server/stores/loop-watch.ts';
import { eventually } from '../../helpers/eventually.ts';

describe('the loop watch', () => {
  it('tells a stall from a quiet time, before and after its own turn', async () => {
    const late: number[] = [];
    const watch = new LoopWatch((lateMs) => late.push(lateMs));
    const turn = () => new Promise((resolve) => setTimeout(resolve, 1));
    let before = 0;
    await eventually(async () => {
      before = performance.now();
      await turn();
      return !watch.wasLateSince(before);
    });
    const until = performance.now() + 120;
    while (performance.now() < until);
    expect(watch.wasLateSince(before)).to.equal(true);
    await turn();
    await turn();
    expect(watch.wasLateSince(before)).to.equal(true);
    expect(watch.wasLateSince(performance.now())).to.equal(false);
    expect(Math.max(...late)).to.be.greaterThan(50);
    expect(Math.min(...late)).to.be.at.least(0);
    watch.close();
  });
});
