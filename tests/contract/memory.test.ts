import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { describeSessionStore } from './session-store.contract.ts';

describeSessionStore('memory', {
  open: () => {
    let now = 1_700_000_000_000;
    const store = new MemorySessionStore(() => now);
    return Promise.resolve({
      store,
      elapse: (ms) => {
        now += ms;
        return Promise.resolve();
      },
      tasks: (tenant) => Promise.resolve(store.tasks(tenant)),
      other: () => Promise.resolve(store),
      close: () => store.close(),
    });
  },
  cannot: { damage: 'nothing but the store itself can reach its memory' },
});
