import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import { moveTo } from '../../helpers/sessions.ts';
import { push, status, told, unpush, usePushing, withWebhook } from './pushing.ts';
import { useMemoryOpener, useRedisOpener } from './stores.ts';

for (const [name, useOpener] of [
  ['memory', useMemoryOpener],
  ['redis', useRedisOpener],
] as const) {
  describe(`webhooks and their sessions on ${name}`, () => {
    const at = usePushing(useOpener);

    it('are given up after the last try, and begin anew behind the present when they are registered again', async () => {
      const pushing = await at.start({ maxTries: 3 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      at.receiver.reply = () => 500;
      await session.change(status('t1', 'lost'));
      await at.receives(3);
      await eventually(() => {
        expect(pushing.counted).to.deep.equal({ failed: 3, parked: 1 });
      });
      await session.change(status('t1', 'not sent'));
      await at.isQuiet(pushing);
      expect(at.receiver.received.length).to.equal(3);
      expect(pushing.logged.filter(({ event }) => event === 'webhook_parked')).to.have.length(1);

      at.receiver.reply = () => 200;
      await session.change(push('t1', 'w1', `${at.receiver.origin}/again`));
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      await at.receives(4);
      await at.isQuiet(pushing);
      expect(told(at.receiver.received.slice(3))).to.deep.equal(['TASK_STATE_COMPLETED']);
    });

    it('are given up at once when they are gone for good', async () => {
      const pushing = await at.start();
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      at.receiver.reply = () => 410;
      await session.change(status('t1', 'first'));
      await eventually(() => {
        expect(pushing.counted).to.deep.equal({ failed: 1, parked: 1 });
      });
      await at.isQuiet(pushing);
      expect(at.receiver.received.length).to.equal(1);
    });

    it('at an address that is forbidden are never called, and given up at once', async () => {
      const pushing = await at.start({ allow: [] });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      await session.change(status('t1', 'first'));
      await eventually(() => {
        expect(pushing.counted).to.deep.equal({ failed: 1, parked: 1 });
      });
      expect(at.receiver.received).to.have.length(0);
      expect(pushing.logged.find(({ event }) => event === 'webhook_parked')?.fields['why']).to.match(
        /^forbidden address/,
      );
    });

    it('hold their session until they are told', async () => {
      const ttlMs = 600;
      const pushing = await at.start({ ttlMs, maxTries: 1_000, backoffMs: () => 50 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      at.receiver.reply = () => 503;
      await session.change(status('t1', 'first'));
      const begun = performance.now();
      await eventually(() => performance.now() - begun > 3 * ttlMs);
      at.receiver.reply = () => 200;
      await eventually(() => {
        expect(pushing.counted['ok']).to.equal(1);
      });
    });

    it('do not make their session live longer by having been told', async () => {
      const ttlMs = 600;
      const pushing = await at.start({ ttlMs, timeoutMs: 5_000 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      at.receiver.reply = () => (response) => setTimeout(() => response.writeHead(200).end(), 400);
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      const { expiresAt } = session.journal;
      await eventually(() => {
        expect(pushing.counted).to.deep.equal({ ok: 1 });
      });
      expect(session.journal.expiresAt).to.be.closeTo(expiresAt, 50);
    });

    it('that are replaced under way begin anew, and what becomes of the old attempt is nothing to them', async () => {
      const pushing = await at.start({ maxTries: 1, timeoutMs: 5_000 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/old`);
      const answers: ((status: number) => void)[] = [];
      at.receiver.reply = ({ path }) =>
        path === '/old' ? (response) => answers.push((code) => response.writeHead(code).end()) : 200;
      await session.change(status('t1', 'first'));
      await eventually(() => answers.length === 1);
      await session.change(push('t1', 'w1', `${at.receiver.origin}/new`));
      await session.change(status('t1', 'second'));
      await at.receives(2);
      answers[0]?.(500);
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      await at.isQuiet(pushing);
      expect(at.receiver.received.map(({ path }) => path)).to.deep.equal(['/old', '/new', '/new']);
      expect(told(at.receiver.received.slice(1))).to.deep.equal(['second', 'TASK_STATE_COMPLETED']);
      expect(pushing.counted).to.deep.equal({ ok: 2 });
    });

    it('that were removed elsewhere are not called any more, not even once', async () => {
      const pushing = await at.start();
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      const slots: (() => void)[] = [];
      // Between the claim and the attempt.
      const { manager } = pushing;
      const holdDue = manager.holdDue.bind(manager);
      manager.holdDue = async (...args) => {
        if (slots.length === 0) await session.change(unpush('t1', 'w1'));
        slots.push(() => undefined);
        await holdDue(...args);
      };
      await session.change(status('t1', 'first'));
      await eventually(() => slots.length === 1);
      await at.isQuiet(pushing);
      expect(at.receiver.received).to.have.length(0);
      expect(pushing.counted).to.deep.equal({});
    });

    it('hear nothing more once they are removed', async () => {
      const pushing = await at.start({ maxTries: 100, backoffMs: () => 20 });
      const session = await withWebhook(pushing, `${at.receiver.origin}/hook`);
      at.receiver.reply = () => 503;
      await session.change(status('t1', 'first'));
      await at.receives(2);
      await session.change(unpush('t1', 'w1'));
      await at.isQuiet(pushing);
      // What was on the wire is the only exception.
      await eventually(() => at.receiver.busy === 0);
      const { length } = at.receiver.received;
      await session.change(status('t1', 'second'));
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      await pushing.dispatcher.poll();
      await at.isQuiet(pushing);
      expect(at.receiver.received.length).to.equal(length);
    });
  });
}
