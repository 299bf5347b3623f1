import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import type { Harness } from './harness.ts';

export function memoryHarness(): Harness {
  let now = 1_700_000_000_000;
  const store = new MemorySessionStore(() => now);
  return {
    store,
    elapse: (ms) => {
      now += ms;
      return Promise.resolve();
    },
    tasks: (tenant) => Promise.resolve(store.tasks(tenant)),
    other: () => Promise.resolve(store),
    close: () => store.close(),
  };
}
