/** `holdfast tasks settle`: ends a task as the reaper ends one that nobody begins again. */
import { isRunning } from '../../protocol/task-state.ts';
import { toEnd, whyFailed } from '../a2a/settle.ts';
import type { RecordBody } from '../sessions/records.ts';
import { splitTaskId } from '../sessions/session-ref.ts';
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, MissingError, shownMoment, toJsonText, UsageError } from './console.ts';
import { withSession } from './open-sessions.ts';
import { PLACE_OPTIONS, placeOf, withStore } from './open-store.ts';
import { stateOf } from './session-view.ts';
import { deadIn } from './tasks-command.ts';
import { printable } from './text-table.ts';

const PATIENCE_MS = 10_000;

export function settleTask(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { ...PLACE_OPTIONS, force: 'flag', json: 'flag' }, ['<task id>']);
  const [taskId = ''] = parsed.positionals;
  const split = splitTaskId(taskId);
  if (split === undefined)
    throw new UsageError('a task id is <session id>.<local part>, as tasks list shows it');
  const { sessionId, local } = split;
  return withStore(terminal, true, async (open) => {
    const ref = { tenant: placeOf(open, parsed), sessionId };
    const isDead = await deadIn(open);
    return withSession(open, ref, terminal.now, async (session) => {
      let alive: string | undefined;
      const outcome = await session.change(
        (draft, at): RecordBody[] => {
          const task = draft.task(local);
          if (task === undefined || task.withdrawn)
            throw new MissingError(`there is no task ${printable(taskId)}`);
          alive = undefined;
          if (!isRunning(task.state)) return [];
          if (isDead(task.runner)) return [toEnd(task, at, whyFailed(task, at, false))];
          alive = task.runner;
          return parsed.flag('force')
            ? [toEnd(task, at, `An operator has ended this task at ${shownMoment(at)}.`)]
            : [];
        },
        { slides: false, mustStore: true, deadline: performance.now() + PATIENCE_MS },
      );
      const state = stateOf(session.view.task(local)?.state ?? 'TASK_STATE_UNKNOWN');
      const settled = outcome === 'stored';
      if (parsed.flag('json'))
        terminal.out(toJsonText({ id: taskId, settled, state, ...(alive && { runner: alive }) }));
      else if (settled) terminal.out(`settled ${printable(taskId)}: ${state}\n`);
      else if (alive !== undefined)
        terminal.err(
          `holdfast: instance ${printable(alive)} is alive and runs it: --force ends it all the same\n`,
        );
      else terminal.out(`${printable(taskId)} does not run: ${state}\n`);
      return !settled && alive !== undefined ? CLI_EXIT.found : CLI_EXIT.done;
    });
  });
}
