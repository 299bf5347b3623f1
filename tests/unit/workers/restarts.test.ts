import { expect } from 'chai';
import { Restarts } from '../../../server/workers/restarts.ts';

describe('the restarts of a worker', () => {
  const delays = (restarts: Restarts, times: number, servedMs: number): (number | undefined)[] =>
    Array.from({ length: times }, () => restarts.afterDeath(servedMs));

  it('wait longer each time it dies at once, and end', () => {
    const restarts = new Restarts();
    expect(delays(restarts, 6, 9_999)).to.deep.equal([200, 400, 800, 1600, 3200, undefined]);
    expect(restarts.earlyDeaths).to.equal(6);
  });

  it('go on for ever when it has served for a while each time', () => {
    expect(new Set(delays(new Restarts(), 50, 10_000))).to.deep.equal(new Set([200]));
  });

  it('forgive early deaths once one has served for a while', () => {
    const restarts = new Restarts();
    delays(restarts, 4, 0);
    expect(restarts.afterDeath(60_000)).to.equal(200);
    expect(delays(restarts, 5, 0)).to.deep.equal([400, 800, 1600, 3200, undefined]);
  });
});
