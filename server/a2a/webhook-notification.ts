import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { Dialect, Message, StreamEvent, TaskStatus, TaskView } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import { toTimestamp } from '../../protocol/units.ts';
import type { StatusThen, Trigger, Webhook } from '../sessions/outbox.ts';
import type { StoredMessage } from '../sessions/records.ts';
import { joinTaskId } from '../sessions/session-ref.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import type { Post } from './webhook-sender.ts';

/** 0.1 had no such header. */
const VERSIONS: Readonly<Record<Dialect, string | undefined>> = { v1: '1.0', v03: '0.3', v01: undefined };

/**
 * What a webhook is sent for an event, in the dialect in which it was registered: the event itself in 1.0 (an artifact
 * whole, as it stands), in 0.x the task, with the status of that time. A2A 1.0 §4.3.3.
 */
export function toPost(sessionId: string, task: TaskFold, webhook: Webhook, trigger: Trigger): Post {
  const { config, dialect } = webhook;
  const { push } = CODECS[dialect];
  const { contentType, body } = push.encodeNotification(
    toEvent(sessionId, task, trigger),
    toView(sessionId, task, trigger, dialect),
  );
  const { token, authentication } = config;
  const [scheme] = authentication?.schemes ?? [];
  const version = VERSIONS[dialect];
  return {
    url: config.url,
    body: JSON.stringify(body),
    headers: {
      'Content-Type': contentType,
      ...(scheme !== undefined &&
        authentication?.credentials !== undefined && {
          Authorization: `${scheme} ${authentication.credentials}`,
        }),
      ...(token !== undefined && { 'X-A2A-Notification-Token': token }),
      ...(version !== undefined && { 'A2A-Version': version }),
    },
  };
}

function toEvent(sessionId: string, task: TaskFold, trigger: Trigger): StreamEvent {
  const ids = { taskId: joinTaskId(sessionId, task.local), contextId: sessionId };
  const of = { dialect: task.dialect, ...(task.alias !== undefined && { alias: task.alias }) };
  const metadata = trigger.metadata && { metadata: trigger.metadata };
  const { artifactId } = trigger;
  const artifact = artifactId === undefined ? undefined : task.artifacts.get(artifactId);
  if (artifact === undefined) {
    const update = { ...ids, status: toStatus(ids, trigger.status), ...metadata };
    return { kind: 'statusUpdate', update, of, final: isTerminal(trigger.status.state) };
  }
  const whole = { ...artifact.head, parts: [...artifact.parts] };
  const index = [...task.artifacts.entries()].findIndex(([id]) => id === artifactId);
  return {
    kind: 'artifactUpdate',
    update: { ...ids, artifact: whole, lastChunk: true, ...metadata },
    of,
    index,
  };
}

/** 0.1 is shown no history that it did not ask for, and 1.0 is not shown the task. */
function toView(sessionId: string, task: TaskFold, { status }: Trigger, dialect: Dialect): TaskView {
  const shown = task.toTask(sessionId, dialect === 'v03' ? undefined : 0);
  const ids = { taskId: shown.id, contextId: sessionId };
  const view: TaskView = { task: { ...shown, status: toStatus(ids, status) }, dialect: task.dialect };
  return task.alias === undefined ? view : { ...view, alias: task.alias };
}

function toStatus(ids: { taskId: string; contextId: string }, status: StatusThen): TaskStatus {
  const { state, at, message } = status;
  const show = (stored: StoredMessage): Message => ({ ...stored, ...ids });
  return { state, timestamp: toTimestamp(at), ...(message && { message: show(message) }) };
}
