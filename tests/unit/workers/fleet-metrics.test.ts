import { expect } from 'chai';
import { createMetrics, type Metrics } from '../../../server/observability/metrics.ts';
import { snapshotOf } from '../../../server/observability/summed-metrics.ts';
import { FleetMetrics } from '../../../server/workers/fleet-metrics.ts';

/** Workers 1 and up, of which those in `silent` do not answer. */
function useFleet(count: number) {
  const workers = new Map<number, Metrics>();
  const silent = new Set<number>();
  let rounds = 0;
  const fleet = new FleetMetrics(() => {
    rounds += 1;
    for (const [id, { registry }] of workers) {
      if (silent.has(id)) continue;
      // as it comes through the channel
      void snapshotOf(registry).then((snapshot) => {
        fleet.answered(id, JSON.parse(JSON.stringify(snapshot)) as typeof snapshot);
      });
    }
    return [...workers.keys()];
  });
  const begin = (id: number): Metrics => {
    const metrics = createMetrics();
    const instancesAlive = (): number => 3 + id;
    const zero = (): number => 0;
    metrics.collect({
      ...{ pendingRecords: () => 7, pendingBytes: zero, outageJournalChanges: zero, cacheSessions: zero },
      ...{ cacheBytes: zero, recentBytes: zero, tasksRunning: zero, webhooksWaiting: zero },
      ...{ breakerOpen: () => 1, instancesAlive },
    });
    workers.set(id, metrics);
    return metrics;
  };
  const end = (id: number): void => {
    workers.delete(id);
    fleet.ended(id);
  };
  for (let id = 1; id <= count; id += 1) begin(id);
  const of = (id: number): Metrics => workers.get(id) ?? begin(id);
  return { fleet, of, begin, end, silent, rounds: () => rounds };
}

const valueOf = async (fleet: FleetMetrics, line: string): Promise<number> =>
  Number(
    (await fleet.text())
      .split('\n')
      .find((one) => one.startsWith(`${line} `))
      ?.split(' ')[1],
  );

describe('the metrics of several workers', () => {
  it('are sums, except what all of them see the same', async () => {
    const { fleet, of } = useFleet(2);
    of(1).requests.inc({ dialect: 'v1', method: 'getTask', outcome: 'ok' }, 2);
    of(2).requests.inc({ outcome: 'ok', method: 'getTask', dialect: 'v1' }, 3);
    of(2).requests.inc({ dialect: 'v03', method: 'getTask', outcome: 'ok' });
    of(1).commitSeconds.tally({ outcome: 'ok' }).observe(0.002);
    of(2).commitSeconds.tally({ outcome: 'ok' }).observe(0.2);
    of(1).streamsOpen.inc(4);
    of(2).streamsOpen.inc(5);
    const text = await fleet.text();
    for (const line of [
      'holdfast_requests_total{dialect="v1",method="getTask",outcome="ok"} 5',
      'holdfast_requests_total{dialect="v03",method="getTask",outcome="ok"} 1',
      'holdfast_commit_seconds_bucket{le="0.0025",outcome="ok"} 1',
      'holdfast_commit_seconds_bucket{le="+Inf",outcome="ok"} 2',
      'holdfast_commit_seconds_count{outcome="ok"} 2',
      'holdfast_streams_open 9',
      'holdfast_pending_records 14',
      'holdfast_breaker_open 1',
      'holdfast_instances_alive 5',
    ])
      expect(text.split('\n')).to.include(line);
    expect(text.match(/^# TYPE holdfast_commit_seconds histogram$/gm)).to.have.length(1);
  });

  it('never count less than before: what a worker has counted stays when it is gone', async () => {
    const { fleet, of, begin, end } = useFleet(2);
    of(1).cacheHits.inc(10);
    of(2).cacheHits.inc(100);
    expect(await valueOf(fleet, 'holdfast_cache_hits_total')).to.equal(110);
    for (let id = 3; id < 6; id += 1) {
      end(id - 1);
      begin(id).cacheHits.inc();
      expect(await valueOf(fleet, 'holdfast_cache_hits_total')).to.equal(108 + id);
      expect(await valueOf(fleet, 'holdfast_pending_records')).to.equal(14);
    }
  });

  it('have the last values of a worker that does not answer', async () => {
    const { fleet, of, silent } = useFleet(2);
    of(1).cacheHits.inc(10);
    of(2).cacheHits.inc(100);
    await fleet.text();
    silent.add(2);
    of(1).cacheHits.inc();
    expect(await valueOf(fleet, 'holdfast_cache_hits_total')).to.equal(111);
  });

  it('do not wait for a worker that dies while it is asked', async () => {
    const { fleet, of, end, silent } = useFleet(2);
    of(1).cacheHits.inc(10);
    silent.add(2);
    const began = performance.now();
    const text = fleet.text();
    end(2);
    expect(await text).to.contain('holdfast_cache_hits_total 10');
    expect(performance.now() - began).to.be.below(900);
  });

  it('are asked for once by all who want them at the same time, and anew by whoever comes later', async () => {
    const { fleet, rounds } = useFleet(2);
    const [one, other] = await Promise.all([fleet.text(), fleet.text()]);
    expect([one === other, rounds()]).to.deep.equal([true, 1]);
    await fleet.text();
    expect(rounds()).to.equal(2);
  });

  it('are nothing while nobody is there', async () => {
    const { fleet } = useFleet(0);
    expect((await fleet.text()).trim()).to.equal('');
  });
});
