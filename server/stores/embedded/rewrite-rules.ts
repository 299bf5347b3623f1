import type { Rewrite } from '../../sessions/rewrite-store.ts';
import { encodeId } from '../../sessions/session-ref.ts';
import type { Address, LiveEntry, Tables } from './tables.ts';

/** @param entry of the session at this address, at the right epoch @returns how many it has put */
export function rewriteIn(
  tables: Tables,
  at: Address,
  entry: LiveEntry,
  rewrites: readonly Rewrite[],
): number {
  let [done, grown] = [0, 0];
  const tasks = rewrites.some((one) => typeof one.at === 'string')
    ? new Map(tables.tasksOf(at).map(({ member, task }) => [member, task]))
    : undefined;
  for (const { at: place, from, to } of rewrites) {
    if (typeof place === 'number') {
      if (tables.record(at, place) !== from) continue;
      tables.putRecord(at, place, to);
      grown += Buffer.byteLength(to) - Buffer.byteLength(from);
    } else {
      const local = encodeId(place);
      const task = tasks?.get(`${at.session}.${local}`);
      if (task?.summary !== from) continue;
      tables.putTask(at, local, { ...task, summary: to });
    }
    done += 1;
  }
  if (grown !== 0) tables.putEntry(at, { ...entry, b: Math.max(0, entry.b + grown) });
  return done;
}
