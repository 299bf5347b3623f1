/** A2A 1.0 as ProtoJSON writes it (§5.5 to §5.7, a2a.proto): what it accepts is wider than what it emits. */
import { z } from 'zod';
import type { Message, Part, Role, SendParams } from '../model.ts';
import type { Codec } from './codec.ts';
import { decode } from './decode.ts';
import { toV1Error } from './error-shapes.ts';
import * as fields from './fields.ts';
import { type PlainSpelling, readPlainGet, readPlainSend } from './plain-params.ts';
import { present } from './present.ts';
import { protoObject } from './proto-json.ts';
import { historyLength, tenant } from './v1-fields.ts';
import { V1_LIST } from './v1-list.ts';
import { pushConfig, V1_PUSH } from './v1-push.ts';
import { toMessage, toStreamResponse, toTask } from './v1-shapes.ts';

const CONTENTS = ['text', 'raw', 'url', 'data'] as const;

const part = protoObject({
  text: fields.optional(fields.text),
  raw: fields.optional(fields.base64),
  url: fields.optional(fields.nonEmptyText),
  // not `fields.optional`: here, and only here, `null` is a value (google.protobuf.Value)
  data: fields.json.optional(),
  filename: fields.unsetWhenEmpty(fields.text),
  mediaType: fields.unsetWhenEmpty(fields.text),
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
  contextId: fields.unsetWhenEmpty(fields.id),
  taskId: fields.unsetWhenEmpty(fields.taskId),
  referenceTaskIds: fields.optionalListOf(fields.taskId, fields.MAX_REFERENCES),
  extensions: fields.optionalListOf(fields.text),
  metadata: fields.metadata,
}).transform((given): Message => present(given));

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
const subscribeParams = protoObject({ tenant, id: fields.taskId }).transform(present);
const cancelTaskParams = protoObject({ tenant, id: fields.taskId, metadata: fields.metadata }).transform(
  present,
);

const PLAIN: PlainSpelling = {
  role: 'ROLE_USER',
  kinds: false,
  atOnce: { name: 'returnImmediately', value: true },
};

/** A2A 1.0. Of all answers only that to a send is wrapped: `{task}` or `{message}` (a2a.proto `SendMessageResponse`). */
export const V1: Codec = {
  decodeSend: (params) => readPlainSend(params, PLAIN) ?? decode(sendParams, params, 'proto'),
  decodeGet: (params) => readPlainGet(params) ?? decode(getTaskParams, params, 'proto'),
  decodeCancel: (params) => decode(cancelTaskParams, params, 'proto'),
  decodeSubscribe: (params) => decode(subscribeParams, params, 'proto'),
  encodeTask: ({ task }) => toTask(task),
  encodeSend: (result) =>
    result.kind === 'task' ? { task: toTask(result.view.task) } : { message: toMessage(result.message) },
  encodeEvent: (event) => [toStreamResponse(event)],
  encodeError: toV1Error,
  list: V1_LIST,
  push: V1_PUSH,
};
