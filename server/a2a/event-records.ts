import { isDeepStrictEqual } from 'node:util';
import type { Task, TaskStatus } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { EpochMs, JsonObject } from '../../protocol/units.ts';
import type { AgentEvent } from '../agents/agent-executor.ts';
import type { RecordBody, RunKey, StatusRecord } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import { withoutCancel } from '../sessions/task-cancel.ts';
import type { TaskFold } from '../sessions/task-fold.ts';
import { toStoredMessage } from './message-identity.ts';

export interface RunFacts {
  readonly local: string;
  readonly by: RunKey;
  /** The task as the executor was given it: what it only says back is no news. Undefined on its first message. */
  readonly given: Task | undefined;
  /** A client has been told of the task: it cannot be withdrawn any more. */
  readonly isRevealed: boolean;
}

/** What an agent's event adds to the journal. Pure; called again when the head had moved. */
export function toRecords(event: AgentEvent, facts: RunFacts, draft: Session, at: EpochMs): RecordBody[] {
  const { local: task, by } = facts;
  switch (event.kind) {
    case 'message': {
      const message = toStoredMessage(event.data);
      if (!facts.isRevealed) return [{ t: 'reply', at, task, by, message }];
      return [{ t: 'status', at, task, by, state: 'TASK_STATE_COMPLETED', message }];
    }
    case 'statusUpdate': {
      const { status } = event.data;
      const metadata = withoutCancel(event.data.metadata);
      const message = status.message && { message: toStoredMessage(status.message) };
      return [{ t: 'status', at, task, by, state: status.state, ...message, ...(metadata && { metadata }) }];
    }
    case 'artifactUpdate': {
      const { artifact, append, lastChunk, metadata } = event.data;
      // What is appended to nothing begins something: a client is not told to add to what it does not have.
      const isKnown = draft.task(task)?.artifacts.get(artifact.artifactId) !== undefined;
      if (!isKnown && artifact.parts.length === 0) return [];
      return [
        {
          t: 'artifact',
          at,
          task,
          by,
          artifact,
          ...(append === true && isKnown && { append }),
          ...(lastChunk !== undefined && { last: lastChunk }),
          ...(metadata && { metadata }),
        },
      ];
    }
    case 'task': {
      const known = draft.task(task);
      return known === undefined ? [] : newInSnapshot(event.data, known, facts, at);
    }
  }
}

/**
 * What of a whole task is not in the journal yet: artifacts that differ, what the agent has said, a status that moves, and
 * metadata. Executors publish the task they were given to say that they have begun, or with another status in it; what
 * they leave as it was may be older than what they published since.
 */
function newInSnapshot(snapshot: Task, known: TaskFold, facts: RunFacts, at: EpochMs): RecordBody[] {
  const { local: task, by, given } = facts;
  const artifacts = snapshot.artifacts.filter(
    (artifact) => !known.isNow(artifact) && !given?.artifacts.some((old) => isDeepStrictEqual(old, artifact)),
  );
  const records: RecordBody[] = artifacts.map((artifact) => ({ t: 'artifact', at, task, by, artifact }));
  const heard = new Set([...known.history].map(({ message }) => message.messageId));
  for (const message of [known.statusMessage, snapshot.status.message])
    if (message !== undefined) heard.add(message.messageId);
  // The status that comes next moves it into the history.
  const { state } = known;
  for (const said of snapshot.history) {
    if (!heard.has(said.messageId))
      records.push({ t: 'status', at, task, by, state, message: toStoredMessage(said) });
  }
  const status = newStatus(snapshot.status, known, given);
  const metadata = newMetadata(withoutCancel(snapshot.metadata), known.metadata);
  if (status !== undefined || metadata !== undefined)
    records.push({ t: 'status', at, task, by, state, ...status, ...(metadata && { metadata }) });
  return records;
}

/** @returns undefined when the task stands so already, or is only said to stand as it did */
function newStatus(
  { state, message: said, timestamp }: TaskStatus,
  known: TaskFold,
  given: Task | undefined,
): Pick<StatusRecord, 'state' | 'message'> | undefined {
  const stored = said && toStoredMessage(said);
  const message = isDeepStrictEqual(stored, known.statusMessage) ? undefined : stored;
  if (message === undefined) {
    const isEcho = state === given?.status.state && timestamp === given.status.timestamp;
    if (isEcho || state === known.state) return undefined;
  }
  // A task is submitted once: most say so with their first event, when it may be running already.
  if (state === 'TASK_STATE_SUBMITTED' && state !== known.state && !isTerminal(known.state)) return undefined;
  return { state, ...(message && { message }) };
}

function newMetadata(said: JsonObject | undefined, known: JsonObject | undefined): JsonObject | undefined {
  const news = Object.entries(said ?? {}).filter(([key, value]) => !isDeepStrictEqual(value, known?.[key]));
  return news.length === 0 ? undefined : Object.fromEntries(news);
}
