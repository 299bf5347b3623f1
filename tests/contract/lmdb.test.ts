import { lmdbHarness } from './lmdb-harness.ts';
import { describeSessionStore } from './session-store.contract.ts';

for (const sync of [false, true]) {
  describeSessionStore(sync ? 'lmdb, flushed' : 'lmdb', { open: () => lmdbHarness(sync) });
}
