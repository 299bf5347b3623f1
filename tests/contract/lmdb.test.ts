import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { addressOf } from '../../server/stores/embedded/tables.ts';
import { DATABASE_FILE, LmdbSessionStore } from '../../server/stores/lmdb/lmdb-store.ts';
import { describeSessionStore } from './session-store.contract.ts';

for (const sync of [false, true]) {
  describeSessionStore(sync ? 'lmdb, flushed' : 'lmdb', {
    open: async () => {
      let now = 1_700_000_000_000;
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-lmdb-'));
      const store = await LmdbSessionStore.open({ folder, pid: process.pid, sync, now: () => now });
      // the same environment once more: lmdb shares it within a process
      const behind = open<string, (string | number)[]>({
        path: join(folder, DATABASE_FILE),
        encoding: 'string',
      });
      return {
        store,
        elapse: (ms) => {
          now += ms;
          return Promise.resolve();
        },
        tasks: (tenant) => Promise.resolve(store.tasks(tenant)),
        damage: {
          record: async (ref, n) => {
            const { tenant, session } = addressOf(ref);
            await behind.remove(['r', tenant, session, n]);
          },
          head: async (ref) => {
            const { tenant, session } = addressOf(ref);
            await behind.put(['s', tenant, session], '{"e":"e1","v":"three","x":9e15,"i":9e15}');
          },
        },
        close: async () => {
          await behind.close();
          await store.close();
          await rm(folder, { recursive: true });
        },
      };
    },
  });
}
