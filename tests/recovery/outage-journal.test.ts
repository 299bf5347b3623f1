import { join } from 'node:path';
import { expect } from 'chai';
import { acknowledged, isCompleted, type Sent, sendOnce } from '../helpers/load.ts';
import {
  expectStored,
  expectTold,
  nothingPending,
  readyz,
  SEND_MAX_MS,
  useOutage,
} from '../helpers/outage.ts';
import type { ServerProcess } from '../helpers/server.ts';
import { readSessions, userTexts } from '../helpers/stored-sessions.ts';

const CONVERSATIONS = 50;
/** Where the number does not matter. */
const FEW = 12;

describe('when a server with an outage journal is killed while redis is away', function () {
  this.timeout(60_000);
  const outage = useOutage();

  const serve = (): Promise<ServerProcess> =>
    outage.serve({
      A2A_OUTAGE_JOURNAL_DIR: join(outage.redis.folder, 'outage'),
      A2A_DEAD_SECONDS: '1',
      A2A_DRAIN_SECONDS: '1',
    });
  const kill = async (server: ServerProcess): Promise<void> => {
    server.signal('SIGKILL');
    await server.exited();
  };
  /** One message in each of the conversations, and half as many that name no session. */
  const sendAll = async (server: ServerProcess, name: string, conversations = FEW): Promise<Sent[]> => {
    const known = Array.from({ length: conversations }, (_, n) =>
      sendOnce(server.url, n % 2 === 0 ? 'v1' : 'v03', `${name} ${n}`, `conversation-${n}`),
    );
    const fresh = Array.from({ length: conversations / 2 }, (_, n) =>
      sendOnce(server.url, n % 2 === 0 ? 'v1' : 'v03', `${name} new ${n}`),
    );
    const sent = await Promise.all([...known, ...fresh]);
    expect(sent.filter((one) => !isCompleted(one)).map(({ reply }) => reply.text)).to.deep.equal([]);
    return sent;
  };
  const deferred = (sent: readonly Sent[]): Sent[] => {
    expect(sent.filter(({ persistence }) => persistence !== 'deferred')).to.deep.equal([]);
    const late = sent.filter(({ beganAt, endedAt }) => endedAt - beganAt > 2 * SEND_MAX_MS);
    expect(late.map(({ text }) => text)).to.deep.equal([]);
    return [...sent];
  };

  for (const [how, goAway, comeBack] of [
    ['dead', () => outage.redis.kill(), () => outage.redis.start()],
    [
      'frozen',
      () => {
        outage.redis.pause();
      },
      () => {
        outage.redis.resume();
      },
    ],
  ] as const) {
    it(`stores all that it had acknowledged, once both are back (redis ${how})`, async () => {
      const first = await serve();
      const sent = await sendAll(first, 'before', CONVERSATIONS);
      await goAway();
      sent.push(...deferred(await sendAll(first, 'during', CONVERSATIONS)));
      expect((await readyz(first.url)).pending).to.include({ kept: true });
      const { records } = (await readyz(first.url)).pending;
      await kill(first);
      const second = await serve();
      expect((await readyz(second.url)).pending.records).to.be.above(records / 2);
      await comeBack();
      await nothingPending(second.url);
      await expectStored(outage.client, sent);
      await expectTold(second.url, sent);
      expect(second.logs.of('records_dropped')).to.deep.equal([]);
      expect(first.logs.of('outage_journal_failed')).to.deep.equal([]);
    });
  }

  it('does so after any number of deaths, also in the middle of storing it', async () => {
    const first = await serve();
    const sent = await sendAll(first, 'before');
    await outage.redis.kill();
    sent.push(...deferred(await sendAll(first, 'first')));
    expect((await readyz(first.url)).pending).to.include({ kept: true });
    await kill(first);
    const second = await serve();
    // Redis is away still: sessions that it has are not known here, and what is begun under their names waits behind them.
    const again = await Promise.all(
      Array.from({ length: 10 }, (_, n) => sendOnce(second.url, 'v1', `second ${n}`, `second-${n}`)),
    );
    sent.push(...deferred(again));
    await kill(second);
    const third = await serve();
    await outage.redis.start();
    await third.logs.next('store_recovered');
    await kill(third);
    const fourth = await serve();
    await nothingPending(fourth.url);
    await expectStored(outage.client, sent);
    await expectTold(fourth.url, sent);
  });

  it('keeps what is pending when it is stopped, and stores it after the next start', async () => {
    const first = await serve();
    const sent = await sendAll(first, 'before');
    await outage.redis.kill();
    sent.push(...deferred(await sendAll(first, 'during')));
    expect(await first.stop()).to.equal(0);
    expect(first.logs.of('server_stopped')[0]).to.include({ keptIn: join(outage.redis.folder, 'outage') });
    await outage.redis.start();
    const second = await serve();
    await nothingPending(second.url);
    await expectStored(outage.client, sent);
  });

  it('loses no answer that was given when it is killed in the middle of giving them', async () => {
    const first = await serve();
    await outage.redis.kill();
    await first.logs.next('store_unavailable');
    const answered: Sent[] = [];
    const talks = Array.from({ length: CONVERSATIONS }, async (_, conversation) => {
      for (let n = 0; ; n += 1) {
        const sent = await sendOnce(first.url, 'v1', `${conversation}/${n}`, `talk-${conversation}`).catch(
          () => undefined,
        );
        if (sent === undefined) return;
        answered.push(sent);
        if (answered.length === 3 * CONVERSATIONS) first.signal('SIGKILL');
      }
    });
    await Promise.all(talks);
    const second = await serve();
    await outage.redis.start();
    await nothingPending(second.url);
    const stored = await readSessions(outage.client);
    for (const [id, texts] of acknowledged(answered)) {
      const session = stored.get(id);
      const has = session === undefined ? [] : userTexts(session);
      // What was sent last may be there without having been answered.
      expect(has.slice(0, texts.length)).to.deep.equal(texts);
      expect(has.length - texts.length).to.be.below(2);
    }
  });

  it('refuses a folder that a living process has', async () => {
    await serve();
    const second = await serve().catch((error: unknown) => error);
    expect(String(second)).to.include('A2A_OUTAGE_JOURNAL_DIR').and.include('in use by process');
  });
});
