/** What /metrics says, and what it costs to ask. */
import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { sendOnce } from '../helpers/load.ts';
import { useOutage } from '../helpers/outage.ts';
import { commandsDuring } from '../helpers/redis-traffic.ts';
import { useServer } from '../helpers/server.ts';
import { SHELF } from '../helpers/stored-sessions.ts';

const textOf = async (url: string): Promise<string> => (await fetch(new URL('/metrics', url))).text();

const valueOf = async (url: string, line: string): Promise<number | undefined> => {
  const found = (await textOf(url)).split('\n').find((one) => one.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.split(' ')[1]);
};

/** Into one session. */
const send = (url: string, text: string): Promise<unknown> => sendOnce(url, 'v1', text, 's1');

describe('the metrics of a server', () => {
  const used = useServer(() => ({}), { A2A_METRICS_TENANTS: 'default,nobody' });

  it('tell how long requests and commits took, by outcome', async () => {
    await send(used.url, 'hello');
    const labels = 'dialect="v1",method="sendMessage",outcome="ok"';
    expect(await valueOf(used.url, `holdfast_request_seconds_count{${labels}}`)).to.equal(1);
    expect(await valueOf(used.url, 'holdfast_commit_seconds_count{outcome="ok"}')).to.be.at.least(2);
    expect(await valueOf(used.url, 'holdfast_tenant_requests_total{tenant="default",outcome="ok"}')).to.equal(
      1,
    );
    expect(await textOf(used.url)).to.not.contain('nobody');
  });

  it('tell of the process: since when, how busy, how full, which release', async () => {
    const now = Date.now() / 1000;
    expect(await valueOf(used.url, 'holdfast_start_time_seconds')).to.be.within(now - 3_600, now);
    expect(await valueOf(used.url, 'holdfast_ready')).to.equal(1);
    expect(await valueOf(used.url, 'holdfast_heap_used_ratio')).to.be.within(0.0001, 1);
    expect(await textOf(used.url)).to.match(
      /^holdfast_build_info\{version="\d+\.\d+\.\d+",store="memory"\} 1$/m,
    );
    const busy = await valueOf(used.url, 'holdfast_event_loop_busy_seconds_total');
    expect(busy).to.be.greaterThan(0);
    expect(await valueOf(used.url, 'holdfast_event_loop_busy_seconds_total')).to.be.at.least(busy ?? 0);
    await eventually(
      async () => ((await valueOf(used.url, 'holdfast_event_loop_lag_seconds_count')) ?? 0) > 1,
    );
  });

  it('tell how many tasks the store has, once that was counted', async () => {
    await send(used.url, 'hello');
    await send(used.url, 'reject');
    expect(await valueOf(used.url, 'holdfast_store_tasks{state="completed"}')).to.equal(undefined);
    await eventually(async () => (await valueOf(used.url, 'holdfast_store_tasks{state="completed"}')) === 1);
    expect(await valueOf(used.url, 'holdfast_store_tasks{state="rejected"}')).to.equal(1);
    // what this store would have to count one by one
    expect(await valueOf(used.url, 'holdfast_store_sessions')).to.equal(undefined);
  });
});

describe('the metrics beside a redis', () => {
  const outage = useOutage({ appendonly: false });
  const serve = () => outage.serveHere({ A2A_METRICS_TENANTS: 'default' });

  it('cost the store one look at the sizes of its indexes in 15 s, with 100,000 sessions as with one', async () => {
    const { url } = await serve();
    await send(url, 'hello');
    const fill = "for i = 1, 99999 do redis.call('ZADD', KEYS[1], ARGV[1], 'x' .. i) end";
    await eventually(async () => (await outage.client.exists('a2a:1:{reg}:tenants')) === 1);
    await outage.client.eval(fill, 1, `${SHELF}sessions`, Date.now() + 3_600_000);
    const seen = await commandsDuring(outage.client, async () => {
      expect(await valueOf(url, 'holdfast_store_sessions')).to.equal(undefined);
      await eventually(async () => (await valueOf(url, 'holdfast_store_sessions')) === 100_000);
      for (let i = 0; i < 20; i += 1) await textOf(url);
    });
    expect(await valueOf(url, 'holdfast_tenant_sessions{tenant="default"}')).to.equal(100_000);
    expect(seen.filter((name) => name === 'census')).to.have.length(1);
    // the others come whether or not anybody asks
    const own = new Set(['beat', 'instances', 'note_tenant', 'running', 'zcount', 'retire', 'claim_due']);
    const more = seen.filter((name) => !own.has(name) && !name.startsWith('mark'));
    expect(new Set(more)).to.deep.equal(new Set(['tenants', 'census']));
  });

  it('time the rehydration of a session', async () => {
    const first = await serve();
    await send(first.url, 'hello');
    await first.stop();
    const { url } = await serve();
    await send(url, 'again');
    expect(await valueOf(url, 'holdfast_rehydration_seconds_count')).to.equal(1);
    expect(await valueOf(url, 'holdfast_rehydration_seconds_bucket{le="+Inf"}')).to.equal(1);
  });

  it('come at once while the store hangs, without what nobody knows', async () => {
    const { url } = await serve();
    await send(url, 'hello');
    await eventually(async () => (await valueOf(url, 'holdfast_store_sessions')) === 1);
    outage.redis.pause();
    try {
      await eventually(async () => (await valueOf(url, 'holdfast_breaker_open')) === 1, 8_000);
      await send(url, 'meanwhile');
      expect(await valueOf(url, 'holdfast_store_sessions')).to.equal(undefined);
      expect(await valueOf(url, 'holdfast_pending_ratio')).to.be.greaterThan(0);
    } finally {
      outage.redis.resume();
    }
    await eventually(async () => (await valueOf(url, 'holdfast_pending_records')) === 0);
    expect(await valueOf(url, 'holdfast_store_sessions')).to.equal(1);
  });
});
