import { expect } from 'chai';
import { eventually } from '../helpers/eventually.ts';
import { Load, type Sent, slowest } from '../helpers/load.ts';
import {
  expectAllAnswered,
  expectMostlyStored,
  expectStored,
  expectTold,
  headersOf,
  nothingPending,
  readyz,
  useOutage,
} from '../helpers/outage.ts';
import type { ServerProcess } from '../helpers/server.ts';

/** How long redis is away. The acceptance run takes 10,000. */
const AWAY_MS = Number(process.env['OUTAGE_MS'] ?? 2_000);
/** Sends before it goes and after everything is stored. */
const QUIET_SENDS = 150;

describe('when redis goes away under 200 sends a second', function () {
  this.timeout(60_000 + 4 * AWAY_MS);
  const outage = useOutage();

  /** Drives the load through one outage. */
  async function through(
    server: ServerProcess,
    leave: () => void | Promise<void>,
    comeBack: () => void | Promise<void>,
  ): Promise<{ load: Load; times: Record<'goesAt' | 'knownAt' | 'backAt' | 'storedAt', number> }> {
    const load = new Load([server.url]).start();
    try {
      await load.answered(QUIET_SENDS);
      const goesAt = performance.now();
      await leave();
      await server.logs.next('store_unavailable');
      const knownAt = performance.now();
      await eventually(() => performance.now() - goesAt >= AWAY_MS, AWAY_MS + 1_000);
      const backAt = performance.now();
      await comeBack();
      await nothingPending(server.url);
      const storedAt = performance.now();
      await load.answered(QUIET_SENDS);
      await load.stop();
      // A busy machine may have deferred the last of them.
      await nothingPending(server.url);
      return { load, times: { goesAt, knownAt, backAt, storedAt } };
    } finally {
      await load.stop().catch(() => undefined);
    }
  }

  const between = (sent: readonly Sent[], from: number, until = Number.POSITIVE_INFINITY): readonly Sent[] =>
    sent.filter(({ beganAt, endedAt }) => beganAt >= from && endedAt < until);

  /** What it had to say since it listens. */
  const linesOf = ({ logs }: ServerProcess): string[] => {
    const events = logs.lines.map(({ event }) => event);
    return events.slice(events.indexOf('server_listening') + 1);
  };

  async function expectHeld(
    server: ServerProcess,
    { load, times }: Awaited<ReturnType<typeof through>>,
  ): Promise<void> {
    const { sent } = load;
    if (process.env['OUTAGE_NUMBERS'] !== undefined) {
      const storedAfter = Math.round(times.storedAt - times.backAt);
      console.log(
        `      ${sent.length} sends, slowest ${Math.round(slowest(sent))} ms, stored after ${storedAfter} ms`,
      );
    }
    expectAllAnswered(load, times.goesAt);
    expectMostlyStored(between(sent, 0, times.goesAt));
    expect(headersOf(between(sent, times.knownAt, times.backAt))).to.deep.equal(['deferred']);
    expectMostlyStored(between(sent, times.storedAt));
    await expectStored(outage.client, sent);
    await expectTold(server.url, sent);
    expect(linesOf(server)).to.deep.equal(['store_unavailable', 'store_recovered']);
  }

  it('answers every send when redis is killed, and stores all of it once redis is back', async () => {
    const server = await outage.serve();
    const held = await through(
      server,
      () => outage.redis.kill(),
      () => outage.redis.start(),
    );
    await expectHeld(server, held);
  });

  it('answers every send while redis is frozen, and stores nothing twice once it thaws', async () => {
    const server = await outage.serve();
    const held = await through(
      server,
      () => {
        outage.redis.pause();
      },
      () => {
        outage.redis.resume();
      },
    );
    await expectHeld(server, held);
  });

  it('serves before redis has ever been there, and stores all of it once redis starts', async () => {
    await outage.redis.kill();
    const server = await outage.serve();
    expect((await fetch(new URL('/livez', server.url))).status).to.equal(200);
    expect(await readyz(server.url)).to.include({ httpStatus: 503, status: 'starting' });
    const load = new Load([server.url]).start();
    try {
      await load.answered(QUIET_SENDS * 2);
      expect(await readyz(server.url)).to.include({ httpStatus: 503, status: 'starting' });
      const backAt = performance.now();
      await outage.redis.start();
      await nothingPending(server.url);
      const storedAt = performance.now();
      await load.answered(QUIET_SENDS);
      const sent = await load.stop();
      await nothingPending(server.url);
      expectAllAnswered(load, backAt);
      expect(headersOf(between(sent, 0, backAt))).to.deep.equal(['deferred']);
      expectMostlyStored(between(sent, storedAt));
      await expectStored(outage.client, sent);
      await expectTold(server.url, sent);
      expect(linesOf(server)).to.deep.equal(['store_recovered']);
      expect(server.logs.of('store_unavailable')).to.have.length(1);
    } finally {
      await load.stop().catch(() => undefined);
    }
  });
});
