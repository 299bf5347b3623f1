/**
 * A process that opens a data folder and keeps it: `node --import tsx tests/helpers/lmdb-process.ts <folder> [append]`.
 *
 * Prints one line of JSON: `{open: true}` or the error's name, message and pid. With `append` it then commits records
 * to session `s1` of tenant `acme` one by one, and prints the number of each once it is acknowledged.
 */
import { LmdbSessionStore } from '../../server/stores/lmdb/lmdb-store.ts';

const [, , folder = '', mode] = process.argv;
const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

try {
  const store = await LmdbSessionStore.open({ folder, pid: process.pid });
  say({ open: true });
  if (mode === 'append') await append(store);
  // stays until it is killed
  setInterval(() => undefined, 60_000);
} catch (error) {
  const { name, message, pid } = error as Error & { pid?: number };
  say({ open: false, name, message, pid });
}

async function append(store: LmdbSessionStore): Promise<void> {
  const ref = { tenant: 'acme', sessionId: 's1' };
  for (let n = 1; ; n += 1) {
    const first = n === 1;
    const result = await store.commit(ref, {
      expected: { epoch: first ? '' : 'e1', head: n - 1, w: first ? '' : `i1.${n - 1}` },
      ...(first && { createEpoch: 'e1' }),
      instance: 'i1',
      records: [{ seq: n, json: JSON.stringify({ n }) }],
      expiry: { kind: 'slide', ttlMs: 3_600_000 },
      tasks: [],
      aliases: [],
    });
    if (result.outcome !== 'ok') throw new Error(result.outcome);
    say(n);
  }
}
