import { expect } from 'chai';
import { HOUR, Writer, aliasOf, createOf, refOf, taskOf, type Suite } from './harness.ts';

export function describeErasure(suite: Suite): void {
  describe('erasure', () => {
    it('takes a session with all that names it, says what it had, and leaves a tombstone', async () => {
      const more = {
        tasks: [taskOf('t1', 'TASK_STATE_WORKING'), taskOf('t2', 'TASK_STATE_COMPLETED')],
        aliases: [aliasOf('client-1', 't1'), aliasOf('client-2', 't1')],
        outboxInMs: 0,
      };
      await new Writer(suite.store).create(['1', '22'], more);
      await new Writer(suite.store, refOf('s10')).create(['1'], {
        tasks: [taskOf('t1', 'TASK_STATE_WORKING')],
      });
      const had = { records: 2, bytes: suite.sizeOf('1', '22'), tasks: 2, aliases: 2 };
      expect(await suite.store.erase(refOf(), HOUR)).to.deep.equal(had);
      expect(await suite.store.read(refOf()))
        .to.deep.include({ found: false })
        .and.have.property('tombstone');
      expect([...(await suite.harness.tasks('acme')).keys()]).to.deep.equal(['s10.t1']);
      expect(await suite.store.resolveAlias('acme', 'ann', 'client-1')).to.equal(undefined);
      expect(await suite.store.claimDue('acme', 10, 1_000)).to.deep.equal([]);
      const { sessions } = await suite.store.listSessions('acme', { limit: 10 });
      expect(sessions.every(({ sessionId }) => sessionId === 's10')).to.equal(true);
      expect(await suite.store.erase(refOf(), HOUR)).to.equal(undefined);
      expect(await suite.store.erase(refOf('never'), HOUR)).to.equal(undefined);
    });

    it('keeps what was on its way from beginning the session anew', async () => {
      await new Writer(suite.store).create(['1']);
      await suite.store.erase(refOf(), HOUR);
      const late = await suite.store.commit(refOf(), createOf('e2', ['late']));
      expect(late).to.have.property('outcome', 'gone');
    });

    suite.needs('damage')('takes a session whose head cannot be read', async () => {
      await new Writer(suite.store).create(['1', '2']);
      await suite.harness.damage?.head(refOf());
      expect(await suite.store.erase(refOf(), HOUR)).to.not.equal(undefined);
      expect(await suite.store.read(refOf())).to.have.property('found', false);
      expect(await suite.store.firstRecord(refOf())).to.equal(undefined);
    });

    it('knows with what a session began', async () => {
      await new Writer(suite.store).create(['{"t":"created","subject":"ann"}', '2']);
      expect(await suite.store.firstRecord(refOf())).to.equal('{"t":"created","subject":"ann"}');
      expect(await suite.store.firstRecord(refOf('never'))).to.equal(undefined);
    });

    it('takes a tenant out of the notes, and no other', async () => {
      for (const instance of ['i1', 'i2']) {
        await suite.store.beat(instance);
        for (const tenant of ['acme', 'other']) await suite.store.noteTenant(tenant, instance);
      }
      await suite.store.forgetTenant('acme');
      expect(await suite.store.tenants()).to.deep.equal(['other']);
      for (const instance of ['i1', 'i2'])
        expect(await suite.store.tenantsOf(instance)).to.deep.equal(['other']);
    });
  });

  describe('orders to erase', () => {
    it('are numbered in their order, and the newest is told with a beat', async () => {
      expect(await suite.store.beat('i1')).to.equal(0);
      const targets = [{ tenant: 'acme' }, { tenant: 'acme', subject: 'ann:{b}' }, { tenant: 'ä:1' }];
      const numbers: number[] = [];
      for (const target of targets) numbers.push(await suite.store.orderErasure(target, HOUR));
      expect(numbers).to.deep.equal([...new Set(numbers)].sort((a, b) => a - b));
      expect(await suite.store.beat('i1')).to.equal(numbers[2]);
      const orders = await suite.store.erasuresAfter(0);
      expect(orders.map(({ target }) => target)).to.deep.equal(targets);
      expect(orders.map(({ number }) => number)).to.deep.equal(numbers);
      for (const { ageMs } of orders) expect(ageMs).to.be.within(0, 10_000);
      expect(await suite.store.erasuresAfter(numbers[1]!)).to.have.length(1);
      // somebody knows a store that had more of them: this one went back
      expect(await suite.store.erasuresAfter(numbers[2]!)).to.have.length(0);
      expect(await suite.store.erasuresAfter(numbers[2]! + 1)).to.have.length(3);
    });

    it('know who has carried them out', async () => {
      const number = await suite.store.orderErasure({ tenant: 'acme' }, HOUR);
      expect(await suite.store.erasureCarriedOutBy(number)).to.deep.equal(new Map());
      await suite.store.erasureCarriedOut(number, 'i.1', { sessions: 2, records: 3 });
      await suite.store.erasureCarriedOut(number - 1, 'i2', { sessions: 1, records: 1 });
      const by = new Map([['i.1', { sessions: 2, records: 3 }]]);
      expect(await suite.store.erasureCarriedOutBy(number)).to.deep.equal(by);
    });

    it('are kept as long as was said, and those that come later have higher numbers', async () => {
      const first = await suite.store.orderErasure({ tenant: 'acme' }, 50);
      await suite.harness.elapse(60);
      expect(await suite.store.erasuresAfter(0)).to.deep.equal([]);
      const second = await suite.store.orderErasure({ tenant: 'acme' }, HOUR);
      expect(second).to.be.greaterThan(first);
      expect((await suite.store.erasuresAfter(0)).map(({ number }) => number)).to.deep.equal([second]);
    });
  });
}
