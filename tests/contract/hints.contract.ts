import { expect } from 'chai';
import type { SessionRef } from '../../server/sessions/session-ref.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { eventually } from '../helpers/eventually.ts';
import { HOUR, Writer, expectOutcome, refOf, requestAt } from './harness.ts';
import type { Suite } from './harness.ts';

export function describeHints(suite: Suite): void {
  const { needs } = suite;

  /** What the store of the suite hears of a session. */
  const watch = async (ref: SessionRef = refOf()) => {
    const heard: (number | undefined)[] = [];
    const unwatch = await suite.store.watch(ref, (head) => heard.push(head));
    return { heard, unwatch };
  };
  const writer = (store: SessionStore, ref?: SessionRef) => new Writer(store, ref, 'i2');

  describe('watching', () => {
    needs('hints')('hears what another writes and removes, and no other session', async () => {
      const other = await suite.harness.other();
      const { heard } = await watch();
      for (const ref of [refOf('s1.x'), refOf('s'), refOf('s1', 'acme2')]) await writer(other, ref).create();
      const one = await writer(other).create(['1', '2']);
      await one.append(['3']);
      await eventually(() => heard.length >= 2);
      expect(heard).to.deep.equal([2, 3]);
      expect(await other.remove(one.ref, HOUR)).to.equal('removed');
      await eventually(() => heard.length >= 3);
      expect(heard).to.deep.equal([2, 3, 0]);
    });

    needs('hints')('hears nothing of what was refused', async () => {
      const other = await suite.harness.other();
      const { heard } = await watch();
      const one = await writer(other).create();
      // of a cluster, over its bus: behind the answer
      await eventually(() => heard.length === 1);
      const old = requestAt({ ...one.cursor, head: 0, w: '' }, 2, ['2'], { instance: 'i2' });
      expectOutcome(await other.commit(one.ref, old), 'moved');
      expect(await other.remove(one.ref, HOUR, { ...one.cursor, w: 'x.1' })).to.equal('moved');
      await one.append(['2']);
      await eventually(() => heard.length > 1);
      expect(heard).to.deep.equal([1, 2]);
    });

    needs('hints')('tells everybody who watches, and nobody after he has stopped', async () => {
      const other = await suite.harness.other();
      const [first, second] = [await watch(), await watch()];
      const one = await writer(other).create();
      await eventually(() => first.heard.length + second.heard.length === 2);
      first.unwatch();
      first.unwatch();
      await one.append(['2']);
      await eventually(() => second.heard.length === 2);
      expect([first.heard, second.heard]).to.deep.equal([[1], [1, 2]]);
      second.unwatch();
      const third = await watch();
      await one.append(['3']);
      await eventually(() => third.heard.length === 1);
      expect([first.heard, second.heard, third.heard]).to.deep.equal([[1], [1, 2], [3]]);
    });
  });

  describe('nudges', () => {
    needs('hints')('reach the instance they are for, with the session they are about', async () => {
      const other = await suite.harness.other();
      const heard: [string, SessionRef][] = [];
      const ends = await Promise.all(
        ['i1', 'i.2', 'i'].map((instance) =>
          suite.store.onNudge(instance, (ref) => heard.push([instance, ref])),
        ),
      );
      const ref = { tenant: 'a:b', sessionId: 'ü "x".{y}' };
      await other.nudge('nobody', ref);
      await other.nudge('i.2', ref);
      await other.nudge('i1', refOf());
      await eventually(() => heard.length >= 2);
      // Two instances, two channels, perhaps two nodes of a cluster: only within one of them is there an order.
      expect(heard).to.have.deep.members([
        ['i.2', ref],
        ['i1', refOf()],
      ]);
      ends[1]?.();
      await other.nudge('i.2', ref);
      await other.nudge('i', ref);
      await eventually(() => heard.length >= 3);
      expect(heard.slice(2)).to.deep.equal([['i', ref]]);
    });
  });

  describe('hints', () => {
    it('end when nobody wants them, whatever the store is', async () => {
      const { unwatch } = await watch();
      const end = await suite.store.onNudge('i1', () => undefined);
      await suite.store.nudge('nobody', refOf());
      unwatch();
      end();
      end();
    });
  });
}
