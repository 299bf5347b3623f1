/** A2A 0.3: the data model of its types.ts, with `kind` on everything. */
import { z } from 'zod';
import type { Message, SendParams } from '../model.ts';
import type { Codec } from './codec.ts';
import { decode } from './decode.ts';
import { toLegacyError } from './error-shapes.ts';
import * as fields from './fields.ts';
import { userRole } from './legacy-fields.ts';
import { legacyPart } from './legacy-parts.ts';
import { pushConfigV03 } from './legacy-push.ts';
import { type PlainSpelling, readPlainGet, readPlainSend } from './plain-params.ts';
import { present } from './present.ts';
import { V03_PUSH } from './v03-push.ts';
import { PARTS, toMessage, toStreamEvent, toTask } from './v03-shapes.ts';

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
        pushNotificationConfig: fields.optional(pushConfigV03),
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
const subscribeParams = z
  .object({ id: fields.taskId, metadata: fields.metadata })
  .transform(({ id }) => ({ id }));
const cancelTaskParams = z.object({ id: fields.taskId, metadata: fields.metadata }).transform(present);

const PLAIN: PlainSpelling = { role: 'user', kinds: true, atOnce: { name: 'blocking', value: false } };

/** A2A 0.3. Answers are bare and told apart by `kind`. */
export const V03: Codec = {
  decodeSend: (params) => readPlainSend(params, PLAIN) ?? decode(sendParams, params),
  decodeGet: (params) => readPlainGet(params) ?? decode(getTaskParams, params),
  decodeCancel: (params) => decode(cancelTaskParams, params),
  decodeSubscribe: (params) => decode(subscribeParams, params),
  encodeTask: toTask,
  encodeSend: (result) => (result.kind === 'task' ? toTask(result.view) : toMessage(result.message)),
  encodeEvent: (event) => [toStreamEvent(event)],
  encodeError: (error) => toLegacyError(error, 'v03'),
  push: V03_PUSH,
};
