import { expect } from 'chai';
import { eventually } from '../../helpers/eventually.ts';
import type { FaultyStore } from '../../helpers/faulty-store.ts';
import { moveTo, opened, refOf } from '../../helpers/sessions.ts';
import { createPushing, status, told, withWebhook, type Pushing, type PushingOptions } from './pushing.ts';
import { useReceiver } from './receiver.ts';
import { useLmdbOpener, useRedisOpener } from './stores.ts';

const TEXTS = Array.from({ length: 12 }, (_, i) => `status ${i}`);

for (const [name, useOpener] of [
  ['lmdb', useLmdbOpener],
  ['redis', useRedisOpener],
] as const) {
  describe(`deliveries on ${name}`, () => {
    const receiver = useReceiver();
    const stores = useOpener();
    let pushings: Pushing[] = [];

    const on = (store: FaultyStore, options: Partial<PushingOptions> = {}): Pushing => {
      const pushing = createPushing(store, { allow: [receiver.it.origin], maxTries: 100, ...options });
      pushings.push(pushing);
      return pushing;
    };

    afterEach(async () => {
      for (const { dispatcher } of pushings) await dispatcher.drain(500);
      for (const { manager } of pushings) await manager.close();
      pushings = [];
    });

    const toldOnce = (): string[] => [...new Set(told(receiver.it.received))];

    it('that were outstanding when their process died are made by the next, in order', async () => {
      // Never started: only what it stores itself wakes it.
      const first = on(await stores.open(), { instance: 'first', holdMs: 300, timeoutMs: 60_000 });
      let taken = 0;
      receiver.it.reply = () => (++taken <= 4 ? 200 : 'hang');
      const session = await withWebhook(first, `${receiver.it.origin}/hook`);
      for (const text of TEXTS) await session.change(status('t1', text));
      await eventually(() => taken === 5);
      // It says no word more: what it had on the wire is never answered, and its claim stands.
      receiver.it.reply = () => 200;
      const second = on(await stores.open(), { instance: 'second' });
      second.dispatcher.start();
      await eventually(() => {
        expect(toldOnce()).to.deep.equal(TEXTS);
      });
      expect(told(receiver.it.received)).to.deep.equal([...TEXTS.slice(0, 5), ...TEXTS.slice(4)]);
    });

    it('are given back by a process that stops, after what is on its way', async () => {
      const first = on(await stores.open(), { instance: 'first', holdMs: 60_000, timeoutMs: 5_000 });
      first.dispatcher.start();
      const answers: (() => void)[] = [];
      receiver.it.reply = () => (response) => {
        answers.push(() => response.writeHead(200).end());
      };
      const session = await withWebhook(first, `${receiver.it.origin}/hook`);
      for (const text of TEXTS) await session.change(status('t1', text));
      await eventually(() => answers.length === 1);
      const drained = first.dispatcher.drain(2_000);
      receiver.it.reply = () => 200;
      answers[0]?.();
      await drained;
      expect(receiver.it.received).to.have.length(1);
      const second = on(await stores.open(), { instance: 'second', holdMs: 60_000 });
      second.dispatcher.start();
      await eventually(() => {
        expect(told(receiver.it.received)).to.deep.equal(TEXTS);
      });
    });

    it('are cut off when a stop waits no longer, and made again by the next', async () => {
      const first = on(await stores.open(), { instance: 'first', holdMs: 60_000, timeoutMs: 30_000 });
      first.dispatcher.start();
      receiver.it.reply = () => 'hang';
      const session = await withWebhook(first, `${receiver.it.origin}/hook`);
      await session.change(status('t1', 'first'));
      await eventually(() => receiver.it.received.length === 1);
      await first.dispatcher.drain(20);
      expect(first.dispatcher.size).to.equal(0);
      receiver.it.reply = () => 200;
      const second = on(await stores.open(), { instance: 'second', holdMs: 60_000 });
      second.dispatcher.start();
      await eventually(() => {
        expect(told(receiver.it.received)).to.deep.equal(['first', 'first']);
      });
    });

    it('wait for the store: what is acknowledged while it is away is told once it is stored', async () => {
      const store = await stores.open();
      const pushing = on(store, { holdMs: 100 });
      pushing.dispatcher.start();
      const session = await withWebhook(pushing, `${receiver.it.origin}/hook`);
      await session.change(status('t1', 'stored'));
      await eventually(() => receiver.it.received.length === 1);
      await eventually(() => pushing.dispatcher.size === 0);
      store.fault = () => 'refuse';
      pushing.away = true;
      expect(await session.change(status('t1', 'deferred'))).to.equal('deferred');
      expect(await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'))).to.equal('deferred');
      await pushing.dispatcher.poll();
      expect(receiver.it.received).to.have.length(1);
      store.fault = () => undefined;
      pushing.away = false;
      await session.replay();
      await eventually(() => {
        expect(told(receiver.it.received)).to.deep.equal(['stored', 'deferred', 'TASK_STATE_COMPLETED']);
      });
    });

    it('whose receipt cannot be stored are not made twice by who made them', async () => {
      const store = await stores.open();
      const pushing = on(store, { holdMs: 60_000 });
      pushing.dispatcher.start();
      const session = await withWebhook(pushing, `${receiver.it.origin}/hook`);
      let refused = 0;
      receiver.it.reply = () => {
        store.fault = (method) => (method === 'commit' && ++refused <= 5 ? 'refuse' : undefined);
        return 200;
      };
      await session.change(status('t1', 'first'));
      await eventually(() => {
        expect(pushing.counted).to.deep.equal({ ok: 1 });
      });
      expect(refused).to.be.greaterThan(5);
      receiver.it.reply = () => 200;
      await session.change(moveTo('t1', 'TASK_STATE_COMPLETED'));
      await eventually(() => {
        expect(told(receiver.it.received)).to.deep.equal(['first', 'TASK_STATE_COMPLETED']);
      });
    });

    if (name === 'lmdb') return;

    it('are made by one of two instances, each once', async () => {
      const both = [
        on(await stores.open(), { instance: 'one' }),
        on(await stores.open(), { instance: 'two' }),
      ];
      for (const { dispatcher } of both) dispatcher.start();
      const [one, two] = both as [Pushing, Pushing];
      const ids = ['s1', 's2', 's3', 's4', 's5'];
      for (const id of ids) await withWebhook(one, `${receiver.it.origin}/${id}`, { ref: refOf(id) });
      for (const [i, text] of TEXTS.entries()) {
        const { manager } = i % 2 === 0 ? one : two;
        await Promise.all(
          ids.map(async (id) => {
            const session = await opened(manager, refOf(id), 'existing');
            await session.change(status('t1', text));
            manager.release(session);
          }),
        );
      }
      await eventually(() => {
        expect(receiver.it.received).to.have.length(ids.length * TEXTS.length);
      });
      for (const id of ids)
        expect(told(receiver.it.received.filter(({ path }) => path === `/${id}`))).to.deep.equal(TEXTS);
      await eventually(() => one.dispatcher.size + two.dispatcher.size === 0);
      expect(receiver.it.received).to.have.length(ids.length * TEXTS.length);
      expect((one.counted['ok'] ?? 0) + (two.counted['ok'] ?? 0)).to.equal(ids.length * TEXTS.length);
    });
  });
}
