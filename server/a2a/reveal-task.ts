import type { DurationMs } from '../../protocol/units.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { Session } from '../sessions/session.ts';
import type { A2AParts } from './a2a-parts.ts';
import { whenStored } from './commit-message.ts';

/** So long an agent has to answer with a bare message before the client is told of a task. */
const HIDDEN_MS: DurationMs = 500;

/**
 * From now on a client knows of the task.
 *
 * @returns resolves when it is known whether the agent had answered without one before; undefined when it is
 */
export function revealTask(parts: A2AParts, session: LiveSession, local: string): Promise<void> | undefined {
  parts.runner.reveal(session, local);
  if (!session.isPending) return undefined;
  const isWithdrawn = (fold: Session): boolean => fold.task(local)?.withdrawn === true;
  return whenStored(session, () => !isWithdrawn(session.draft) || isWithdrawn(session.view));
}

/** Waits until it shows whether the agent answers with a task or with a bare message; not long. */
export async function firstSign(
  parts: A2AParts,
  session: LiveSession,
  local: string,
  signal: AbortSignal,
): Promise<void> {
  const { runner } = parts;
  const isHidden = (): boolean =>
    runner.isHidden(session, local) && session.view.task(local)?.withdrawn === false;
  if (!isHidden() || signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      stopObserving();
      stopWatching();
      resolve();
    };
    const check = (): void => {
      if (!isHidden()) done();
    };
    const stopObserving = session.observe(check);
    const stopWatching = runner.watch(session, local, check);
    const timer = setTimeout(done, HIDDEN_MS);
    signal.addEventListener('abort', done);
  });
}
