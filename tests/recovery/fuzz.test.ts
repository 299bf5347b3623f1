/** Everything that can be sent to a server, in a bounded form; for the long one see scripts/fuzz.ts. */
import { expect } from 'chai';
import { fuzz } from '../../scripts/fuzz/fuzz-run.ts';

describe('a server to which anything is sent', () => {
  it('answers all of it as it should, tells nothing, goes on and stops cleanly', async () => {
    const report = await fuzz({ seed: 1, requests: 2_000, connections: 32, portions: 1 });
    expect(report.findings).to.deep.equal([]);
    expect(report.sent).to.be.at.least(2_000);
    expect([...report.kinds.keys()]).to.have.members([
      ...['right', 'changed', 'bytes', 'door', 'pipelined', 'cut off', 'garbage'],
    ]);
    // it is not turned away at the door: all layers have had their share
    const outcomes = [
      '200',
      '200 -32001',
      '200 -32602',
      '200 -32700',
      '400 -32600',
      '401 -32600',
      '405 -32600',
    ];
    expect([...report.outcomes.keys()]).to.include.members(outcomes);
    expect(report.outcomes.get('200')).to.be.greaterThan(200);
  });
});
