import { expect } from 'chai';
import type { ListedSession } from '../../server/sessions/session-list.ts';
import { HOUR, Writer, errorOf, refOf, type Suite } from './harness.ts';

export function describeSessionLists(suite: Suite): void {
  /** Every page until the last. */
  const allPages = async (limit: number, tenant = 'acme'): Promise<ListedSession[][]> => {
    const pages: ListedSession[][] = [];
    for (let after: string | undefined; ;) {
      const { sessions, next } = await suite.store.listSessions(tenant, {
        limit,
        ...(after !== undefined && { after }),
      });
      expect(sessions.length).to.be.at.most(limit);
      pages.push([...sessions]);
      if (next === undefined) return pages;
      after = next;
    }
  };
  const idsOf = (sessions: readonly ListedSession[]): string[] =>
    sessions.map(({ sessionId }) => sessionId).sort();

  describe('a list of sessions', () => {
    it('has those of the tenant, with head, size and remaining life', async () => {
      await new Writer(suite.store, refOf('a.b/ü')).create(['1', '22']);
      await new Writer(suite.store, refOf('s', 'other')).create(['1']);
      const [sessions, ...others] = (await allPages(100)).filter((page) => page.length > 0);
      expect(others).to.deep.equal([]);
      const { remainingMs, ...rest } = sessions![0]!;
      expect(sessions).to.have.length(1);
      expect(rest).to.deep.equal({ sessionId: 'a.b/ü', head: 2, bytes: suite.sizeOf('1', '22') });
      expect(remainingMs).to.be.within(HOUR - 60_000, HOUR);
      expect((await allPages(5, 'nobody')).flat()).to.deep.equal([]);
    });

    it('comes in pages, each session once, also those that expire in the same moment', async () => {
      const ids = Array.from({ length: 25 }, (_, n) => `s${n}.x`);
      await Promise.all(ids.map((id) => new Writer(suite.store, refOf(id)).create()));
      for (const limit of [1, 4, 25, 1_000])
        expect(idsOf((await allPages(limit)).flat()), `pages of ${limit}`).to.deep.equal([...ids].sort());
    });

    it('leaves out what was removed and what has expired', async () => {
      for (const id of ['kept', 'removed']) await new Writer(suite.store, refOf(id)).create();
      const short = { expiry: { kind: 'slide', ttlMs: 50 } } as const;
      await new Writer(suite.store, refOf('expired')).create(['1'], short);
      await suite.store.remove(refOf('removed'), HOUR);
      await suite.harness.elapse(60);
      expect(idsOf((await allPages(1)).flat())).to.deep.equal(['kept']);
    });

    it('goes on behind a session that has gone since', async () => {
      for (const id of ['s1', 's2', 's3']) await new Writer(suite.store, refOf(id)).create();
      let { sessions, next } = await suite.store.listSessions('acme', { limit: 1 });
      while (sessions.length === 0 && next !== undefined)
        ({ sessions, next } = await suite.store.listSessions('acme', { limit: 1, after: next }));
      const [first] = sessions;
      await suite.store.remove(refOf(first!.sessionId), HOUR);
      const rest: string[] = [];
      while (next !== undefined) {
        ({ sessions, next } = await suite.store.listSessions('acme', { limit: 1, after: next }));
        rest.push(...idsOf(sessions));
      }
      const others = ['s1', 's2', 's3'].filter((id) => id !== first!.sessionId);
      expect(rest.sort()).to.deep.equal(others);
    });

    suite.needs('damage')('has a session whose head cannot be read', async () => {
      await new Writer(suite.store).create();
      await suite.harness.damage?.head(refOf());
      const [session] = (await allPages(10)).flat();
      expect(session).to.include({ sessionId: 's1' });
      expect(session).to.not.have.property('head');
    });

    it('refuses a size and a place that are none', async () => {
      for (const limit of [0, 1.5, 1_001])
        expect(await errorOf(suite.store.listSessions('acme', { limit }))).to.be.instanceOf(RangeError);
      const after = 'no place!';
      expect(await errorOf(suite.store.listSessions('acme', { limit: 1, after }))).to.be.instanceOf(
        RangeError,
      );
    });
  });
}
