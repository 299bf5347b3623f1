import type { Artifact } from '../../protocol/model.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { AgentEvent } from '../agents/agent-executor.ts';
import type { RecordBody, RunKey } from '../sessions/records.ts';
import type { Session } from '../sessions/session.ts';
import { toStoredMessage } from './message-identity.ts';

export interface RunFacts {
  readonly local: string;
  readonly by: RunKey;
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
      const { status, metadata } = event.data;
      const message = status.message && { message: toStoredMessage(status.message) };
      return [{ t: 'status', at, task, by, state: status.state, ...message, ...(metadata && { metadata }) }];
    }
    case 'artifactUpdate': {
      const { artifact, append, lastChunk, metadata } = event.data;
      return [
        {
          t: 'artifact',
          at,
          task,
          by,
          artifact,
          ...(append === true && { append }),
          ...(lastChunk !== undefined && { last: lastChunk }),
          ...(metadata && { metadata }),
        },
      ];
    }
    case 'task': {
      // A snapshot: what of it is not in the journal yet. Its history is the journal's own.
      const known = draft.task(task);
      if (known === undefined) return [];
      const artifacts = event.data.artifacts.filter(
        (artifact: Artifact) => !known.artifacts.get(artifact.artifactId),
      );
      const records: RecordBody[] = artifacts.map((artifact) => ({ t: 'artifact', at, task, by, artifact }));
      const { state, message } = event.data.status;
      const moves = state !== known.state || message !== undefined;
      if (moves && (state !== 'TASK_STATE_SUBMITTED' || isTerminal(known.state))) {
        records.push({
          t: 'status',
          at,
          task,
          by,
          state,
          ...(message && { message: toStoredMessage(message) }),
        });
      }
      return records;
    }
  }
}
