import { expect } from 'chai';
import type { Decide } from '../../../server/sessions/change.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { begin, changeOnce, createTestManager, opened, say, textsOf } from '../../helpers/sessions.ts';

/** More turns of the microtask queue than an answer takes on its way through a session. */
const TURNS = 16;

/** Says how many messages it was decided on. */
const count: Decide = (draft, at) => say('t1', `${[...draft.messages].length}`)(draft, at);

describe('a change and a read of its session that are answered at about the same moment', () => {
  for (const first of ['read', 'change'] as const) {
    it(`is decided on what it is stored behind, with the ${first} in front by any number of turns`, async () => {
      for (let turns = 0; turns < TURNS; turns += 1) {
        const memory = new MemorySessionStore();
        const store = new FaultyStore(memory, false);
        const { manager } = createTestManager(store, { instance: 'here' });
        const there = createTestManager(new FaultyStore(memory, false), { instance: 'there' });
        await changeOnce(manager, begin('t1', '0'));
        const session = await opened(manager);
        store.once('commit', 'hold');
        // Stored, and not answered yet; the next one waits behind it.
        const changes: Promise<unknown>[] = [session.change(count)];
        while (store.hanging === 0) await new Promise(setImmediate);
        changes.push(session.change(count));
        await changeOnce(there.manager, count);
        const read = (): void => void changes.push(manager.catchUp(session));
        const acts = [
          read,
          (): void => {
            store.release();
          },
        ];
        for (const act of first === 'read' ? acts : acts.toReversed()) {
          act();
          for (let i = 0; i < turns; i += 1) await Promise.resolve();
        }
        await Promise.all(changes);
        expect(textsOf(session.view), `${turns} turns`).to.deep.equal(['0', '1', '2', '3']);
      }
    });

    it(`is decided on it too when it is just being made, with the ${first} in front`, async () => {
      for (let turns = 0; turns < TURNS; turns += 1) {
        const memory = new MemorySessionStore();
        const { manager } = createTestManager(new FaultyStore(memory, false), { instance: 'here' });
        const there = createTestManager(new FaultyStore(memory, false), { instance: 'there' });
        await changeOnce(manager, begin('t1', '0'));
        const session = await opened(manager);
        await changeOnce(there.manager, count);
        const done: Promise<unknown>[] = [];
        const acts = [
          (): void => void done.push(manager.catchUp(session)),
          (): void => void done.push(session.change(count)),
        ];
        for (const act of first === 'read' ? acts : acts.toReversed()) {
          act();
          for (let i = 0; i < turns; i += 1) await Promise.resolve();
        }
        await Promise.all(done);
        expect(textsOf(session.view), `${turns} turns`).to.deep.equal(['0', '1', '2']);
      }
    });
  }
});
