import type { Session } from '../../../server/sessions/session.ts';
import { plainFold } from '../../helpers/sessions.ts';

/** All that a fold says, as JSON: for what is kept in a file. */
export function seen(session: Session): unknown {
  const tasks = session.tasks().map((task) => ({
    task: task.toTask(session.ref.sessionId),
    dialect: task.dialect,
    withdrawn: task.withdrawn,
    reply: task.reply,
    cancel: task.cancel,
    webhooks: [...(task.outbox?.webhooks.values() ?? [])],
    triggers: task.outbox?.triggers,
    compacted: task.compacted,
    runner: task.runner,
    attempt: task.attempt,
  }));
  const fold = plainFold(session);
  const more = { alias: session.alias('ada', 'client-1'), color: session.agentState('color'), shown: tasks };
  return JSON.parse(JSON.stringify({ ...fold, ...more })) as unknown;
}
