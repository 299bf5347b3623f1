import { memoryHarness } from './memory-harness.ts';
import { describeSessionStore } from './session-store.contract.ts';

describeSessionStore('memory', {
  open: () => Promise.resolve(memoryHarness()),
  cannot: { damage: 'nothing but the store itself can reach its memory' },
});
