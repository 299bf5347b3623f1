/** A2A 0.1, the protocol of `tasks/send`: clients name their tasks, messages have no ids, artifacts have positions. */
import { z } from 'zod';
import type { Artifact, Message, Role, SendParams, SendResult, TaskView } from '../model.ts';
import type { TaskState } from '../task-state.ts';
import type { JsonObject } from '../units.ts';
import type { Codec } from './codec.ts';
import { decode } from './decode.ts';
import { toLegacyError } from './error-shapes.ts';
import * as fields from './fields.ts';
import { pushConfig, userRole } from './legacy-fields.ts';
import { legacyPart, toLegacyPart, type LegacyPartRules } from './legacy-parts.ts';
import { present, unlessEmpty } from './present.ts';

const PARTS: LegacyPartRules = { tag: 'type', tagOptional: true, bareFiles: true, dataLists: true };

/** A2A 0.1 §6.3. The last two states came later: a client of 0.1 is told the nearest one it knows. */
const STATES: Readonly<Record<TaskState, string>> = {
  TASK_STATE_SUBMITTED: 'submitted',
  TASK_STATE_WORKING: 'working',
  TASK_STATE_COMPLETED: 'completed',
  TASK_STATE_FAILED: 'failed',
  TASK_STATE_CANCELED: 'canceled',
  TASK_STATE_INPUT_REQUIRED: 'input-required',
  TASK_STATE_REJECTED: 'failed',
  TASK_STATE_AUTH_REQUIRED: 'input-required',
};

const ROLES: Readonly<Record<Role, string>> = { ROLE_USER: 'user', ROLE_AGENT: 'agent' };

const message = z.object({
  role: userRole,
  parts: fields.listOf(legacyPart(PARTS), 1, fields.MAX_PARTS),
  metadata: fields.metadata,
});

/** Absent and null ask for no history at all (A2A 0.1 §7.1.1): the opposite of what absence says later. */
const historyLength = fields.optional(fields.count).transform((given) => given ?? 0);

const sendParams = z
  .object({
    id: fields.id,
    sessionId: fields.optional(fields.id),
    message,
    historyLength,
    acceptedOutputModes: fields.optionalListOf(fields.text),
    pushNotification: fields.optional(pushConfig),
    metadata: fields.metadata,
  })
  .transform(({ id, sessionId, message: given, pushNotification, ...rest }): SendParams => {
    // there are no message ids in 0.1: who stores the message makes one
    const message: Message = present({ ...given, messageId: '', contextId: sessionId });
    return present({ ...rest, message, clientTaskId: id, blocking: true, pushConfig: pushNotification });
  });

const getTaskParams = z
  .object({ id: fields.taskId, historyLength, metadata: fields.metadata })
  .transform(({ metadata: _metadata, ...given }) => present(given));
const cancelTaskParams = z.object({ id: fields.taskId, metadata: fields.metadata }).transform(present);

function toMessage(shown: Message): JsonObject {
  return present({
    role: ROLES[shown.role],
    parts: shown.parts.map((part) => toLegacyPart(part, PARTS)),
    metadata: unlessEmpty(shown.metadata),
  });
}

/** Positions are stable because artifacts are kept in the order in which they first appeared. */
function toArtifact(artifact: Artifact, index: number): JsonObject {
  return present({
    name: artifact.name,
    description: artifact.description,
    parts: artifact.parts.map((part) => toLegacyPart(part, PARTS)),
    index,
    metadata: unlessEmpty(artifact.metadata),
  });
}

function toTask({ task, alias }: TaskView): JsonObject {
  const { state, message: statusMessage, timestamp } = task.status;
  return present({
    id: alias ?? task.id,
    sessionId: task.contextId,
    status: present({
      state: STATES[state],
      message: statusMessage && toMessage(statusMessage),
      timestamp,
    }),
    artifacts: unlessEmpty(task.artifacts.map(toArtifact)),
    history: unlessEmpty(task.history.map(toMessage)),
    metadata: unlessEmpty(task.metadata),
  });
}

/** A send is always answered with a task (A2A 0.1 §7.1), so a bare message is told as one that has completed with it. */
function toSendAnswer(result: SendResult): JsonObject {
  if (result.kind === 'task') return toTask(result.view);
  const { message: reply } = result;
  return present({
    id: reply.taskId ?? reply.messageId,
    sessionId: reply.contextId,
    status: { state: STATES.TASK_STATE_COMPLETED, message: toMessage(reply) },
  });
}

/** A2A 0.1. */
export const V01: Codec = {
  decodeSend: (params) => decode(sendParams, params),
  decodeGet: (params) => decode(getTaskParams, params),
  decodeCancel: (params) => decode(cancelTaskParams, params),
  encodeTask: toTask,
  encodeSend: toSendAnswer,
  encodeError: (error) => toLegacyError(error, 'v01'),
};
