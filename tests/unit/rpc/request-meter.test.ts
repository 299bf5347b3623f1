import { expect } from 'chai';
import { selectDialect } from '../../../protocol/dialects/select.ts';
import { createMetrics } from '../../../server/observability/metrics.ts';
import { RequestMeter } from '../../../server/rpc/request-meter.ts';

const select = (method: string, version?: string) =>
  selectDialect(method, version, { lenientVersion: false });

function useMeter(tenants?: string[]) {
  const metrics = createMetrics();
  const meter = new RequestMeter(metrics, tenants);
  const linesOf = async (name: string): Promise<string[]> =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.startsWith(name));
  return { meter, linesOf };
}

describe('the request meter', () => {
  it('counts by dialect, operation and outcome, and tells how long answers took', async () => {
    const { meter, linesOf } = useMeter();
    meter.answered(select('GetTask', '1.0'), 'acme', 'ok', performance.now() - 70);
    meter.answered(select('GetTask', '1.0'), 'acme', 'TASK_NOT_FOUND', performance.now() - 70);
    expect(await linesOf('holdfast_requests_total')).to.deep.equal([
      'holdfast_requests_total{dialect="v1",method="getTask",outcome="TASK_NOT_FOUND"} 1',
      'holdfast_requests_total{dialect="v1",method="getTask",outcome="ok"} 1',
    ]);
    const labels = (le: string, outcome: string) =>
      `{le="${le}",dialect="v1",method="getTask",outcome="${outcome}"}`;
    for (const outcome of ['ok', 'error']) {
      const [below] = await linesOf(`holdfast_request_seconds_bucket${labels('0.05', outcome)}`);
      expect(below).to.match(/ 0$/);
      const [all] = await linesOf(`holdfast_request_seconds_bucket${labels('+Inf', outcome)}`);
      expect(all).to.match(/ 1$/);
    }
  });

  it('keeps nothing of what is asked for and does not exist, however often', async () => {
    const { meter, linesOf } = useMeter();
    for (let i = 0; i < 100; i += 1) meter.answered(select(`no/such/${i}`), 'acme', 'METHOD_NOT_FOUND', 0);
    expect(await linesOf('holdfast_requests_total')).to.deep.equal([
      'holdfast_requests_total{dialect="v03",method="unknown",outcome="METHOD_NOT_FOUND"} 100',
    ]);
    expect(await linesOf('holdfast_request_seconds')).to.deep.equal([]);
  });

  it('counts tenants apart that were asked for, and no others', async () => {
    const { meter, linesOf } = useMeter(['acme', 'quiet']);
    const getTask = select('GetTask', '1.0');
    for (const tenant of ['acme', 'acme', 'globex']) meter.answered(getTask, tenant, 'ok', 0);
    meter.answered(getTask, 'acme', 'TASK_NOT_FOUND', 0);
    expect(await linesOf('holdfast_tenant_requests_total')).to.deep.equal([
      'holdfast_tenant_requests_total{tenant="acme",outcome="ok"} 2',
      'holdfast_tenant_requests_total{tenant="acme",outcome="error"} 1',
    ]);
  });
});
