import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { open, type RootDatabase } from 'lmdb';
import { TASK_STATES } from '../../protocol/task-state.ts';
import { addressOf } from '../../server/stores/embedded/tables.ts';
import { DATABASE_FILE, LmdbSessionStore } from '../../server/stores/lmdb/lmdb-store.ts';
import type { Harness, IndexedTask } from './harness.ts';

/** The tasks, once the ordered indexes and the counts were found to say the same. */
function checked(
  db: RootDatabase<string, (string | number)[]>,
  tenant: string,
  tasks: ReadonlyMap<string, IndexedTask>,
): ReadonlyMap<string, IndexedTask> {
  db.resetReadTxn();
  const indexed = (state: string): string[] =>
    [...db.getKeys({ start: ['k', tenant, state, 0], end: ['k', tenant, state, 9e15] })].map(
      (key) => `${key[3]} ${key[4]}`,
    );
  const counted = (state: string): number => Number(db.get(['c', tenant, state]) ?? 0);
  for (const state of ['*', ...TASK_STATES]) {
    const expected = [...tasks]
      .filter(([, task]) => state === '*' || task.state === state)
      .map(([member, { statusAt }]) => `${statusAt} ${member}`);
    expect(indexed(state)).to.have.members(expected);
    expect(counted(state)).to.equal(expected.length);
  }
  return tasks;
}

export async function lmdbHarness(sync: boolean): Promise<Harness> {
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
    tasks: (tenant) => Promise.resolve(checked(behind, tenant, store.tasks(tenant))),
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
    other: () => Promise.resolve(store),
    close: async () => {
      await behind.close();
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}
