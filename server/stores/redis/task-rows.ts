import type { TaskState } from '../../../protocol/task-state.ts';
import { KeyRow } from './wire.ts';

/** The indexes that a commit about one task writes, which nearly every commit is: a row for each way that a task can move. */
export class TaskRows {
  readonly #rows = new Map<TaskState, Map<TaskState | null, KeyRow>>();

  /** @param make what the row has, where it is not known yet */
  of(state: TaskState, previous: TaskState | null, make: () => readonly string[]): KeyRow {
    const known = this.#rows.get(state)?.get(previous);
    if (known !== undefined) return known;
    const row = new KeyRow(make());
    const rows = this.#rows.get(state) ?? new Map<TaskState | null, KeyRow>();
    this.#rows.set(state, rows.set(previous, row));
    return row;
  }
}
