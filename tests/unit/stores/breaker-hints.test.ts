import { expect } from 'chai';
import { StoreUnavailableError } from '../../../server/sessions/session-store.ts';
import { BreakerStore } from '../../../server/stores/breaker.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { Writer, errorOf, refOf } from '../../contract/harness.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';

describe('hints behind the breaker', () => {
  let inner: FaultyStore;
  let breaker: BreakerStore;
  beforeEach(() => {
    inner = new FaultyStore(new MemorySessionStore());
    breaker = new BreakerStore(inner, { instance: 'me', failures: 2, deadlineMs: 20, firstProbeMs: 60_000 });
  });
  afterEach(async () => {
    inner.release();
    await breaker.close();
  });

  it('are listened for also while it is open', async () => {
    breaker.trip('the test says so');
    const heard: unknown[] = [];
    await breaker.watch(refOf(), (head) => heard.push(head));
    await breaker.onNudge('me', (ref) => heard.push(ref));
    await new Writer(inner).create(['1', '2']);
    await inner.nudge('me', refOf());
    await eventually(() => heard.length === 2);
    expect(heard).to.deep.equal([2, refOf()]);
  });

  for (const method of ['nudge', 'warnings'] as const) {
    it(`are no evidence: ${method} that fails or hangs opens nothing, and nothing is sent while it is open`, async () => {
      const ask = () => (method === 'nudge' ? breaker.nudge('you', refOf()) : breaker.warnings());
      for (const fault of ['refuse', 'hang'] as const) {
        inner.always(fault, method);
        for (let i = 0; i < 3; i += 1) expect(await errorOf(ask())).to.be.instanceOf(StoreUnavailableError);
      }
      expect(breaker.state).to.equal('closed');
      breaker.trip('the test says so');
      const before = inner.calls[method];
      expect(await errorOf(ask())).to.be.instanceOf(StoreUnavailableError);
      expect(inner.calls[method]).to.equal(before);
    });
  }

  it('do not clear what others have counted', async () => {
    inner.always('refuse', 'beat');
    await errorOf(breaker.beat('me'));
    await breaker.nudge('you', refOf());
    await breaker.warnings();
    await errorOf(breaker.beat('me'));
    expect(breaker.state).to.equal('open');
  });
});
