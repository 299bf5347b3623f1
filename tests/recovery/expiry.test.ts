import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { isCompleted, sendOnce } from '../helpers/load.ts';
import { ask, useOutage } from '../helpers/outage.ts';
import { call, V1 } from '../helpers/rpc.ts';
import { readSession, SHELF } from '../helpers/stored-sessions.ts';

const SECOND = 1_000;

describe('the life of a session in redis', function () {
  this.timeout(30_000);
  const outage = useOutage();

  const serve = (ttlSeconds: number, env: Record<string, string> = {}): ReturnType<typeof outage.serve> =>
    outage.serve({ A2A_SESSION_TTL_SECONDS: String(ttlSeconds), ...env });
  const pttl = (id = 'known'): Promise<number> => outage.client.pttl(`${SHELF}s:${id}`);

  /** `found`, or the code of the error. */
  async function get(url: string, taskId: string): Promise<string | number> {
    const { json } = await call(url, 'GetTask', { id: taskId }, V1);
    return json.error?.code ?? 'found';
  }

  /** Reads a task until it is gone: never found when redis has dropped it, never gone while redis has it. */
  async function readUntilGone(url: string, taskId: string): Promise<void> {
    const wrong: string[] = [];
    await eventually(async () => {
      const before = await pttl();
      const answer = await get(url, taskId);
      const after = await pttl();
      const isRight = answer === 'found' ? before > 0 : answer === -32001 && after === -2;
      if (!isRight) wrong.push(`${answer} with ${before} ms left before and ${after} ms after`);
      return answer !== 'found';
    }, 10 * SECOND);
    expect(wrong).to.deep.equal([]);
  }

  it('is the configured one after every write, in the key and in the index', async () => {
    const { url } = await serve(60);
    for (const text of ['one', 'two']) {
      // the second write comes when some of its life is over
      await eventually(async () => (await pttl()) < 58.5 * SECOND);
      const sent = await sendOnce(url, 'v1', text, 'known');
      const left = await pttl();
      expect(left).to.be.within(59 * SECOND - (performance.now() - sent.endedAt), 60 * SECOND);
      const [seconds = 0, micros = 0] = (await outage.client.time()).map(Number);
      const expiresAt = Number(await outage.client.zscore(`${SHELF}sessions`, 'known'));
      expect(expiresAt - (seconds * SECOND + micros / 1_000)).to.be.closeTo(left, SECOND);
    }
  });

  for (const coherence of ['shared', 'exclusive']) {
    it(`ends in memory when it ends in redis, and begins anew after that (${coherence})`, async () => {
      const { url } = await serve(2, { A2A_CACHE_COHERENCE: coherence });
      const { taskId } = await sendOnce(url, 'v1', 'hello', 'known');
      await readUntilGone(url, taskId);
      expect(await ask(url, 'count', 'known')).to.equal('1');
      expect(await pttl()).to.be.above(SECOND);
    });
  }

  it('ends for a send, too: the first message after it begins a new session', async () => {
    const server = await serve(1);
    const old = await sendOnce(server.url, 'v1', 'hello', 'known');
    const { e: oldEpoch } = (await readSession(outage.client, 'known')).hash;
    await eventually(async () => (await pttl()) === -2);
    const anew = await sendOnce(server.url, 'v1', 'anew', 'known');
    expect([isCompleted(anew), anew.persistence]).to.deep.equal([true, 'stored']);
    const { hash, records } = await readSession(outage.client, 'known');
    expect(hash['e']).to.not.equal(oldEpoch);
    expect(records[0]?.t).to.equal('created');
    expect(records.filter((body) => body?.t === 'task')).to.have.length(1);
    expect(await get(server.url, old.taskId)).to.equal(-32001);
    // expired is not lost
    expect(server.logs.of('session_gone').filter(({ why }) => why !== 'expired')).to.deep.equal([]);
  });

  it('is not renewed when a session is loaded again near its end', async () => {
    const before = await serve(3);
    const { taskId } = await sendOnce(before.url, 'v1', 'hello', 'known');
    await before.kill9();
    const { url } = await serve(3, { A2A_CACHE_COHERENCE: 'exclusive' });
    await eventually(async () => (await pttl()) < 1_500);
    expect(await get(url, taskId)).to.equal('found');
    expect(await pttl()).to.be.within(1, 1_500);
    await readUntilGone(url, taskId);
  });

  it('is renewed by reading when it is to be', async () => {
    const { url } = await serve(2, { A2A_SESSION_TTL_REFRESH: 'access' });
    const { taskId } = await sendOnce(url, 'v1', 'hello', 'known');
    const began = performance.now();
    // longer than its life, reading when half of it is over
    while (performance.now() - began < 2_500) {
      await eventually(async () => (await pttl()) < SECOND);
      expect(await get(url, taskId)).to.equal('found');
      expect(await pttl()).to.be.above(1_500);
    }
  });

  it('is renewed by nothing when it is fixed', async () => {
    const { url } = await serve(3, { A2A_SESSION_TTL_REFRESH: 'fixed' });
    const { taskId } = await sendOnce(url, 'v1', 'hello', 'known');
    let last = await pttl();
    for (let n = 0; n < 3; n += 1) {
      await eventually(async () => (await pttl()) < last - 300);
      const before = await pttl();
      const sent = await sendOnce(url, 'v1', `more ${n}`, 'known');
      expect(sent.persistence).to.equal('stored');
      expect(await get(url, taskId)).to.equal('found');
      last = await pttl();
      expect(last).to.be.within(1, before);
    }
    await readUntilGone(url, taskId);
  });

  it('is held by a task that runs, however silent its agent is', async () => {
    const { url } = await serve(2);
    const sent = await sendOnce(url, 'v1', 'slow 2 3000', 'known');
    expect(isCompleted(sent), sent.reply.text).to.equal(true);
    expect(sent.endedAt - sent.beganAt).to.be.above(2_900);
    expect(await get(url, sent.taskId)).to.equal('found');
  });

  it('ends a running task with the reason before it ends itself, when it is fixed', async () => {
    const { url } = await serve(3, { A2A_SESSION_TTL_REFRESH: 'fixed' });
    const sent = await sendOnce(url, 'v1', 'slow 100 200', 'known');
    expect(sent.state).to.equal('TASK_STATE_FAILED');
    expect(sent.reply.text).to.contain('end of its life');
    expect(await get(url, sent.taskId)).to.equal('found');
    expect(await pttl()).to.be.above(0);
  });
});
