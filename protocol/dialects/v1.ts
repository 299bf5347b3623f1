/** A2A 1.0 as ProtoJSON writes it (§5.5 to §5.7, a2a.proto): what it accepts is wider than what it emits. */
import { z } from 'zod';
import type { Artifact, Message, Part, PushConfig, Role, SendParams, Task, TaskStatus } from '../model.ts';
import type { JsonObject } from '../units.ts';
import type { Codec } from './codec.ts';
import { decode } from './decode.ts';
import { toV1Error } from './error-shapes.ts';
import * as fields from './fields.ts';
import { present, unlessEmpty } from './present.ts';
import { int32, protoObject, unsetWhenEmpty } from './proto-json.ts';

const CONTENTS = ['text', 'raw', 'url', 'data'] as const;

const part = protoObject({
  text: fields.optional(fields.text),
  raw: fields.optional(fields.base64),
  url: fields.optional(fields.nonEmptyText),
  // not `fields.optional`: here, and only here, `null` is a value (google.protobuf.Value)
  data: fields.json.optional(),
  filename: unsetWhenEmpty(fields.text),
  mediaType: unsetWhenEmpty(fields.text),
  metadata: fields.metadata,
}).transform((given, ctx): Part => {
  const { text, raw, url, data, ...rest } = given;
  const common = present(rest);
  const found = CONTENTS.filter((content) => given[content] !== undefined);
  if (found.length !== 1) {
    const fault = found.length === 0 ? 'must have one of' : 'must have only one of';
    ctx.addIssue({ code: 'custom', message: `${fault} ${CONTENTS.join(', ')}`, input: given });
    return z.NEVER;
  }
  if (text !== undefined) return { text, ...common };
  if (raw !== undefined) return { raw, ...common };
  if (url !== undefined) return { url, ...common };
  return { data: data ?? null, ...common };
});

const message = protoObject({
  messageId: fields.id,
  role: z
    .literal(['ROLE_USER', 1], {
      error: ({ input }) => (input == null ? 'is required' : 'must be ROLE_USER'),
    })
    .transform((): Role => 'ROLE_USER'),
  parts: fields.listOf(part, 1, fields.MAX_PARTS),
  contextId: unsetWhenEmpty(fields.id),
  taskId: unsetWhenEmpty(fields.taskId),
  referenceTaskIds: fields.optionalListOf(fields.taskId, fields.MAX_REFERENCES),
  extensions: fields.optionalListOf(fields.text),
  metadata: fields.metadata,
}).transform((given): Message => present(given));

/** 1.0 has one scheme, 0.x a list of them. Its `taskId` is not read: the task is the one of the message. */
const pushConfig = protoObject({
  id: unsetWhenEmpty(fields.id),
  url: fields.nonEmptyText,
  token: unsetWhenEmpty(fields.text),
  authentication: fields.optional(
    protoObject({ scheme: fields.nonEmptyText, credentials: unsetWhenEmpty(fields.text) }).transform(
      ({ scheme, credentials }) => present({ schemes: [scheme], credentials }),
    ),
  ),
}).transform((given): PushConfig => present(given));

const tenant = unsetWhenEmpty(fields.id);
const historyLength = fields.optional(int32(fields.count));

const sendParams = protoObject({
  tenant,
  message,
  configuration: fields.optional(
    protoObject({
      acceptedOutputModes: fields.optionalListOf(fields.text),
      taskPushNotificationConfig: fields.optional(pushConfig),
      historyLength,
      returnImmediately: fields.optional(z.boolean()),
    }),
  ),
  metadata: fields.metadata,
}).transform(({ configuration, ...rest }): SendParams =>
  present({
    ...rest,
    blocking: configuration?.returnImmediately !== true,
    historyLength: configuration?.historyLength,
    acceptedOutputModes: configuration?.acceptedOutputModes,
    pushConfig: configuration?.taskPushNotificationConfig,
  }),
);

const getTaskParams = protoObject({ tenant, id: fields.taskId, historyLength }).transform(present);
const cancelTaskParams = protoObject({ tenant, id: fields.taskId, metadata: fields.metadata }).transform(
  present,
);

function toPart({ metadata, ...rest }: Part): JsonObject {
  return present({ ...rest, metadata: unlessEmpty(metadata) });
}

function toMessage(shown: Message, task?: Task): JsonObject {
  return present({
    messageId: shown.messageId,
    contextId: shown.contextId ?? task?.contextId,
    taskId: shown.taskId ?? task?.id,
    role: shown.role,
    parts: shown.parts.map(toPart),
    metadata: unlessEmpty(shown.metadata),
    extensions: unlessEmpty(shown.extensions),
    referenceTaskIds: unlessEmpty(shown.referenceTaskIds),
  });
}

function toStatus(status: TaskStatus, task: Task): JsonObject {
  return present({
    state: status.state,
    message: status.message && toMessage(status.message, task),
    timestamp: status.timestamp,
  });
}

function toArtifact(artifact: Artifact): JsonObject {
  return present({
    artifactId: artifact.artifactId,
    name: artifact.name,
    description: artifact.description,
    parts: artifact.parts.map(toPart),
    metadata: unlessEmpty(artifact.metadata),
    extensions: unlessEmpty(artifact.extensions),
  });
}

function toTask(task: Task): JsonObject {
  return present({
    id: task.id,
    contextId: task.contextId,
    status: toStatus(task.status, task),
    artifacts: unlessEmpty(task.artifacts.map(toArtifact)),
    history: unlessEmpty(task.history.map((shown) => toMessage(shown, task))),
    metadata: unlessEmpty(task.metadata),
  });
}

/** A2A 1.0. Of all answers only that to a send is wrapped: `{task}` or `{message}` (a2a.proto `SendMessageResponse`). */
export const V1: Codec = {
  decodeSend: (params) => decode(sendParams, params, 'proto'),
  decodeGet: (params) => decode(getTaskParams, params, 'proto'),
  decodeCancel: (params) => decode(cancelTaskParams, params, 'proto'),
  encodeTask: ({ task }) => toTask(task),
  encodeSend: (result) =>
    result.kind === 'task' ? { task: toTask(result.view.task) } : { message: toMessage(result.message) },
  encodeError: toV1Error,
};
