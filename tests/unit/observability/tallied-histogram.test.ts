import { expect } from 'chai';
import { Histogram, Registry } from 'prom-client';
import { snapshotOf, sumOf } from '../../../server/observability/summed-metrics.ts';
import { TalliedHistogram } from '../../../server/observability/tallied-histogram.ts';

const OPTIONS = { name: 'took_seconds', help: 'How long it took.', buckets: [0.1, 0.5, 1] };
const VALUES = [0, 0.05, 0.1, 0.1000001, 0.5, 0.75, 1, 1.5, 100];

function tallied() {
  const registry = new Registry();
  return { registry, histogram: new TalliedHistogram<'who'>({ ...OPTIONS, registers: [registry] }) };
}

/** The lines in an order that does not matter to Prometheus. */
const linesOf = async (registry: Registry): Promise<string[]> =>
  (await registry.metrics()).trim().split('\n').sort();

describe('a tallied histogram', () => {
  it("says what prom-client's own says of the same values", async () => {
    const { registry, histogram } = tallied();
    const other = new Registry();
    const own = new Histogram({ ...OPTIONS, labelNames: ['who'], registers: [other] });
    for (const [i, value] of VALUES.entries()) {
      const who = i % 2 === 0 ? 'a' : 'b';
      histogram.tally({ who }).observe(value);
      own.observe({ who }, value);
    }
    expect(await linesOf(registry)).to.deep.equal(await linesOf(other));
    expect(await linesOf(registry)).to.include('took_seconds_bucket{le="0.1",who="a"} 2');
  });

  it('has one tally for the same labels, whoever asks and in whatever order they stand', async () => {
    const registry = new Registry();
    const histogram = new TalliedHistogram<'a' | 'b'>({ ...OPTIONS, registers: [registry] });
    expect(histogram.tally({ a: '1', b: '2' })).to.equal(histogram.tally({ b: '2', a: '1' }));
    expect(histogram.tally({ a: '2', b: '1' })).to.not.equal(histogram.tally({ a: '1', b: '2' }));
    histogram.tally({ a: '1', b: '2' }).observe(0.2);
    expect((await linesOf(registry)).filter((line) => line.includes('_count'))).to.deep.equal([
      'took_seconds_count{a="1",b="2"} 1',
      'took_seconds_count{a="2",b="1"} 0',
    ]);
  });

  it('adds up over several processes', async () => {
    const snapshots = [];
    for (const value of [0.2, 0.7]) {
      const { registry, histogram } = tallied();
      histogram.tally({ who: 'a' }).observe(value);
      // as it comes through a channel between processes
      const snapshot = await snapshotOf(registry);
      snapshots.push(JSON.parse(JSON.stringify(snapshot)) as typeof snapshot);
    }
    const lines = await linesOf(sumOf(snapshots));
    expect(lines).to.include('took_seconds_bucket{le="0.5",who="a"} 1');
    expect(lines).to.include('took_seconds_bucket{le="1",who="a"} 2');
    expect(lines).to.include('took_seconds_count{who="a"} 2');
    expect(lines).to.include('# TYPE took_seconds histogram');
  });
});
