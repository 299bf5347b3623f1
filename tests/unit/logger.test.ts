import { expect } from 'chai';
import { LOG_EVENTS } from '../../server/observability/log-events.ts';
import { createLogger, describeError } from '../../server/observability/logger.ts';
import { createMetrics, METRICS } from '../../server/observability/metrics.ts';
import { LogLines } from '../helpers/log-lines.ts';

const NOON = Date.UTC(2026, 0, 2, 12);

function useLog(level: 'debug' | 'info' | 'warn' = 'info') {
  const logs = new LogLines();
  return { logs, log: createLogger({ level, destination: logs, now: () => NOON }) };
}

describe('the log', () => {
  it('writes one JSON line with event, level, ISO time and the meaning of the event', () => {
    const { logs, log } = useLog();
    log('session_gone', { sessionId: 's1', why: 'lost' });
    expect(logs.lines).to.deep.equal([
      {
        level: 'warn',
        time: '2026-01-02T12:00:00.000Z',
        event: 'session_gone',
        sessionId: 's1',
        why: 'lost',
        msg: LOG_EVENTS.session_gone.meaning,
      },
    ]);
  });

  it('writes an event only when its level is asked for', () => {
    const { logs, log } = useLog('warn');
    log('session_rehydrated');
    log('server_listening');
    log('pending_full');
    expect(logs.lines.map(({ event }) => event)).to.deep.equal(['pending_full']);
  });

  it('writes of an error its type, message, code and causes, and none of its own fields', () => {
    const { logs, log } = useLog();
    const cause = Object.assign(new Error('READONLY'), { command: { name: 'hset', args: ['the session'] } });
    log('store_unavailable', {}, Object.assign(new TypeError('broken', { cause }), { code: 'ECONNRESET' }));
    const [line] = logs.lines;
    expect(line?.['error']).to.include({ type: 'TypeError', message: 'broken', code: 'ECONNRESET' });
    expect(JSON.stringify(line)).to.contain('READONLY').and.not.contain('the session');
    expect(line?.['error'])
      .to.have.property('stack')
      .that.matches(/^ {4}at /);
  });

  it('takes out of messages what they quote', () => {
    const parse = (text: string): unknown => {
      try {
        return JSON.parse(text);
      } catch (error) {
        return error;
      }
    };
    const told = (error: unknown): string => JSON.stringify(describeError(error));
    for (const text of ['secret', '{"a":secret}', '["secret"', '{"secret'])
      expect(told(parse(text))).to.not.contain('secret');
    expect(told(new Error("ERR unknown command 'X', with args beginning with: 'secret'"))).to.not.contain(
      'secret',
    );
    expect(told(new Error('connect redis://u:secret@host:1')))
      .to.contain('redis://***@host:1')
      .and.not.contain('secret');
    expect(told('secret')).to.not.contain('secret');
  });

  it('follows causes only so far, also when they run in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(JSON.stringify(describeError(error)).match(/round/g)).to.have.length(5);
  });

  it('redacts fields that nobody should have logged', () => {
    const { logs, log } = useLog();
    log('request_failed', { password: 'secret', text: 'secret', authorization: 'secret', key: 'a2a:1' });
    expect(JSON.stringify(logs.lines)).to.not.contain('secret');
    expect(logs.lines[0]?.['key']).to.equal('a2a:1');
  });

  it('has names in snake_case, each with a meaning and something to do', () => {
    for (const [name, row] of Object.entries(LOG_EVENTS)) {
      expect(name).to.match(/^[a-z]+(_[a-z]+)+$/);
      expect(row.meaning, name).to.not.equal('');
      expect(row.action, name).to.match(/[.]$/);
    }
  });
});

describe('metrics', () => {
  it('are counted on in tallies as well, each of which is told once', async () => {
    const { requests, registry } = createMetrics();
    const labels = { dialect: 'v1', method: 'getTask', outcome: 'ok' };
    const tally = requests.tally(labels);
    expect(await registry.metrics()).to.not.contain('method="getTask"');
    tally.count += 2;
    requests.inc(labels);
    const told = 'holdfast_requests_total{dialect="v1",method="getTask",outcome="ok"}';
    expect(await registry.metrics()).to.contain(`${told} 3`);
    expect(await registry.metrics()).to.contain(`${told} 3`);
    tally.count += 1;
    expect(await registry.metrics()).to.contain(`${told} 4`);
  });

  it('are exposed under their documented names', async () => {
    const metrics = createMetrics();
    metrics.requests.inc({ dialect: 'v1', method: 'sendMessage', outcome: 'ok' });
    metrics.pendingRecords.set(3);
    metrics.commitSeconds.tally({ outcome: 'ok' }).observe(0.002);
    const text = await metrics.registry.metrics();
    expect(text).to.contain('holdfast_requests_total{dialect="v1",method="sendMessage",outcome="ok"} 1');
    expect(text).to.contain('holdfast_pending_records 3');
    expect(text).to.contain('holdfast_commit_seconds_bucket{le="0.0025",outcome="ok"} 1');
    for (const { name, type, help } of Object.values(METRICS)) {
      expect(text).to.contain(`# HELP ${name} ${help}`).and.contain(`# TYPE ${name} ${type}`);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
    }
  });

  it('of two servers in one process do not mix', async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.cacheHits.inc();
    expect(await other.registry.metrics()).to.contain('holdfast_cache_hits_total 0');
  });
});
