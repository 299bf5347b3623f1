/** A2A 0.1, the protocol of `tasks/send`: clients name their tasks, messages have no ids, artifacts have positions. */
import { z } from 'zod';
import type { Message, SendParams } from '../model.ts';
import type { Codec } from './codec.ts';
import { decode } from './decode.ts';
import { toLegacyError } from './error-shapes.ts';
import * as fields from './fields.ts';
import { userRole } from './legacy-fields.ts';
import { legacyPart } from './legacy-parts.ts';
import { pushConfigV01 } from './legacy-push.ts';
import { readPlainTaskSend } from './plain-params.ts';
import { present } from './present.ts';
import { V01_PUSH } from './v01-push.ts';
import { PARTS, toFrames, toSendAnswer, toTask } from './v01-shapes.ts';

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
    pushNotification: fields.optional(pushConfigV01),
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
// `historyLength` is there too, and there is nothing it could cut: a stream has no history
const subscribeParams = z
  .object({ id: fields.taskId, metadata: fields.metadata })
  .transform(({ id }) => ({ id }));
const cancelTaskParams = z.object({ id: fields.taskId, metadata: fields.metadata }).transform(present);

/** A2A 0.1. */
export const V01: Codec = {
  decodeSend: (params) => readPlainTaskSend(params) ?? decode(sendParams, params),
  decodeGet: (params) => decode(getTaskParams, params),
  decodeCancel: (params) => decode(cancelTaskParams, params),
  decodeSubscribe: (params) => decode(subscribeParams, params),
  encodeTask: toTask,
  encodeSend: toSendAnswer,
  encodeEvent: toFrames,
  encodeError: (error) => toLegacyError(error, 'v01'),
  push: V01_PUSH,
};
