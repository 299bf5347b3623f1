/** `holdfast instances`: who shares the store, by its own clock. */
import { parseArguments } from './arguments.ts';
import { CLI_EXIT, type Console, toJsonText } from './console.ts';
import { withStore } from './open-store.ts';
import { printable, shownDuration, textTable } from './text-table.ts';

export function listInstances(args: readonly string[], terminal: Console): Promise<number> {
  const parsed = parseArguments(args, { json: 'flag' });
  return withStore(terminal, false, async ({ store, config }) => {
    const seen = (await store.instances()).map(({ instance, ageMs }) => ({
      instance,
      state: ageMs === Infinity ? 'left' : ageMs > config.deadMs ? 'dead' : 'alive',
      silentMs: ageMs === Infinity ? null : Math.round(ageMs),
    }));
    if (parsed.flag('json')) terminal.out(toJsonText({ instances: seen }));
    else {
      const rows = seen.map(({ instance, state, silentMs }) => [
        printable(instance),
        state,
        silentMs === null ? '-' : shownDuration(silentMs),
      ]);
      terminal.out(textTable([['instance', 'state', 'last beat'], ...rows]));
    }
    return CLI_EXIT.done;
  });
}
