/** A2A 0.3: the data model of its types.ts, with `kind` on everything. */
import { z } from 'zod';
import type { Artifact, Message, Role, SendParams, TaskView } from '../model.ts';
import type { TaskState } from '../task-state.ts';
import type { JsonObject } from '../units.ts';
import type { Codec } from './codec.ts';
import { decode } from './decode.ts';
import { toLegacyError } from './error-shapes.ts';
import * as fields from './fields.ts';
import { pushConfig, userRole } from './legacy-fields.ts';
import { legacyPart, toLegacyPart, type LegacyPartRules } from './legacy-parts.ts';
import { present, unlessEmpty } from './present.ts';

const PARTS: LegacyPartRules = { tag: 'kind', tagOptional: false, bareFiles: false, dataLists: false };

/** A2A 0.3 §6.3. */
const STATES: Readonly<Record<TaskState, string>> = {
  TASK_STATE_SUBMITTED: 'submitted',
  TASK_STATE_WORKING: 'working',
  TASK_STATE_COMPLETED: 'completed',
  TASK_STATE_FAILED: 'failed',
  TASK_STATE_CANCELED: 'canceled',
  TASK_STATE_INPUT_REQUIRED: 'input-required',
  TASK_STATE_REJECTED: 'rejected',
  TASK_STATE_AUTH_REQUIRED: 'auth-required',
};

const ROLES: Readonly<Record<Role, string>> = { ROLE_USER: 'user', ROLE_AGENT: 'agent' };

const message = z
  .object({
    // required by the types, left out by the specification's own sample of message/send
    kind: fields.optional(z.literal('message', { error: 'must be message' })),
    messageId: fields.id,
    role: userRole,
    parts: fields.listOf(legacyPart(PARTS), 1, fields.MAX_PARTS),
    contextId: fields.optional(fields.id),
    taskId: fields.optional(fields.taskId),
    referenceTaskIds: fields.optionalListOf(fields.taskId, fields.MAX_REFERENCES),
    extensions: fields.optionalListOf(fields.text),
    metadata: fields.metadata,
  })
  .transform(({ kind: _kind, ...given }): Message => present(given));

const historyLength = fields.optional(fields.count);

const sendParams = z
  .object({
    message,
    configuration: fields.optional(
      z.object({
        acceptedOutputModes: fields.optionalListOf(fields.text),
        historyLength,
        pushNotificationConfig: fields.optional(pushConfig),
        blocking: fields.optional(z.boolean()),
      }),
    ),
    metadata: fields.metadata,
  })
  .transform(({ configuration, ...rest }): SendParams =>
    present({
      ...rest,
      // the specification names no default; the SDKs of 0.3 wait unless told not to
      blocking: configuration?.blocking !== false,
      historyLength: configuration?.historyLength,
      acceptedOutputModes: configuration?.acceptedOutputModes,
      pushConfig: configuration?.pushNotificationConfig,
    }),
  );

const getTaskParams = z
  .object({ id: fields.taskId, historyLength, metadata: fields.metadata })
  .transform(({ metadata: _metadata, ...given }) => present(given));
const cancelTaskParams = z.object({ id: fields.taskId, metadata: fields.metadata }).transform(present);

/** The ids of the task that a message belongs to, as its client knows them. */
interface Home {
  contextId: string;
  /** The task's own id, and the one it is shown under. */
  taskId: string;
  shownId: string;
}

function toMessage(shown: Message, home?: Home): JsonObject {
  const taskId = shown.taskId ?? home?.taskId;
  return present({
    kind: 'message',
    messageId: shown.messageId,
    contextId: shown.contextId ?? home?.contextId,
    taskId: taskId === home?.taskId ? home?.shownId : taskId,
    role: ROLES[shown.role],
    parts: shown.parts.map((part) => toLegacyPart(part, PARTS)),
    referenceTaskIds: unlessEmpty(shown.referenceTaskIds),
    extensions: unlessEmpty(shown.extensions),
    metadata: unlessEmpty(shown.metadata),
  });
}

function toArtifact(artifact: Artifact): JsonObject {
  return present({
    artifactId: artifact.artifactId,
    name: artifact.name,
    description: artifact.description,
    parts: artifact.parts.map((part) => toLegacyPart(part, PARTS)),
    extensions: unlessEmpty(artifact.extensions),
    metadata: unlessEmpty(artifact.metadata),
  });
}

function toTask({ task, alias }: TaskView): JsonObject {
  const home: Home = { contextId: task.contextId, taskId: task.id, shownId: alias ?? task.id };
  const { state, message: statusMessage, timestamp } = task.status;
  return present({
    kind: 'task',
    id: home.shownId,
    contextId: task.contextId,
    status: present({
      state: STATES[state],
      message: statusMessage && toMessage(statusMessage, home),
      timestamp,
    }),
    artifacts: unlessEmpty(task.artifacts.map(toArtifact)),
    history: unlessEmpty(task.history.map((shown) => toMessage(shown, home))),
    metadata: unlessEmpty(task.metadata),
  });
}

/** A2A 0.3. Answers are bare and told apart by `kind`. */
export const V03: Codec = {
  decodeSend: (params) => decode(sendParams, params),
  decodeGet: (params) => decode(getTaskParams, params),
  decodeCancel: (params) => decode(cancelTaskParams, params),
  encodeTask: toTask,
  encodeSend: (result) => (result.kind === 'task' ? toTask(result.view) : toMessage(result.message)),
  encodeError: (error) => toLegacyError(error, 'v03'),
};
