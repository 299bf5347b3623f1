import { isDeepStrictEqual } from 'node:util';
import type { Task, TaskStatus } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { EpochMs, JsonObject } from '../../protocol/units.ts';
import type { AgentEvent } from '../agents/agent-executor.ts';
import type { ArtifactRecord, RecordBody, RunKey, StatusRecord } from '../sessions/records.ts';
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
  isRevealed: boolean;
}

/** What an agent's event adds to the journal. Pure; called again when the head had moved. */
export function toRecords(
  event: AgentEvent,
  facts: Readonly<RunFacts>,
  draft: Session,
  at: EpochMs,
): RecordBody[] {
  const { local: task, by } = facts;
  switch (event.kind) {
    case 'message': {
      const message = toStoredMessage(event.data);
      if (!facts.isRevealed) return [{ t: 'reply', at, task, by, message }];
      return [{ t: 'status', at, task, by, state: 'TASK_STATE_COMPLETED', message }];
    }
    case 'statusUpdate': {
      const { status } = event.data;
      const record: StatusRecord = { t: 'status', at, task, by, state: status.state };
      if (status.message !== undefined) record.message = toStoredMessage(status.message);
      const metadata = event.data.metadata && withoutCancel(event.data.metadata);
      if (metadata !== undefined) record.metadata = metadata;
      return [record];
    }
    case 'artifactUpdate': {
      const { artifact, append, lastChunk, metadata } = event.data;
      // What is appended to nothing begins something: a client is not told to add to what it does not have.
      const isKnown = draft.task(task)?.artifact(artifact.artifactId) !== undefined;
      if (!isKnown && artifact.parts.length === 0) return [];
      const record: ArtifactRecord = { t: 'artifact', at, task, by, artifact };
      if (append === true && isKnown) record.append = append;
      // Of a chunk in the middle there is nothing to say.
      if (lastChunk === true || (lastChunk === false && record.append !== true)) record.last = lastChunk;
      if (metadata !== undefined) record.metadata = metadata;
      return [record];
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
function newInSnapshot(
  snapshot: Task,
  known: TaskFold,
  facts: Readonly<RunFacts>,
  at: EpochMs,
): RecordBody[] {
  const { local: task, by, given } = facts;
  const records: RecordBody[] = [];
  for (const artifact of snapshot.artifacts) {
    if (!known.isNow(artifact) && !given?.artifacts.some((old) => isDeepStrictEqual(old, artifact)))
      records.push({ t: 'artifact', at, task, by, artifact });
  }
  // The status that comes next moves it into the history.
  const { state } = known;
  if (snapshot.history.length > 0) {
    const heard = new Set([...known.history].map(({ message }) => message.messageId));
    for (const message of [known.statusMessage, snapshot.status.message])
      if (message !== undefined) heard.add(message.messageId);
    for (const said of snapshot.history) {
      if (!heard.has(said.messageId))
        records.push({ t: 'status', at, task, by, state, message: toStoredMessage(said) });
    }
  }
  const status = newStatus(snapshot.status, known, given);
  const metadata = snapshot.metadata && newMetadata(withoutCancel(snapshot.metadata), known.metadata);
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
  const isSaid = stored === undefined || isDeepStrictEqual(stored, known.statusMessage);
  const message = isSaid ? undefined : stored;
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
