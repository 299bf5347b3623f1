/** Webhooks of 0.3: §7.5 to §7.8. In the params, `id` alone is always the task's. */
import { z } from 'zod';
import type { PushConfigView } from '../model.ts';
import type { JsonObject } from '../units.ts';
import type { PushCodec } from './codec.ts';
import { decode } from './decode.ts';
import * as fields from './fields.ts';
import { pushConfigV03, toLegacyConfig } from './legacy-push.ts';
import { present } from './present.ts';
import { toTask } from './v03-shapes.ts';

const createParams = z
  .object({ taskId: fields.taskId, pushNotificationConfig: pushConfigV03 })
  .transform(({ taskId, pushNotificationConfig: config }) => ({ taskId, config }));

const getParams = z
  .object({
    id: fields.taskId,
    // a get by the task alone is deprecated, and valid
    pushNotificationConfigId: fields.optional(fields.id),
    metadata: fields.metadata,
  })
  .transform(({ id: taskId, pushNotificationConfigId: id }) => present({ taskId, id }));

// the answer is a bare list, which cannot be continued
const listParams = z
  .object({ id: fields.taskId, metadata: fields.metadata })
  .transform(({ id: taskId }) => ({ taskId, pageSize: fields.MAX_PAGE_SIZE }));

const deleteParams = z
  .object({ id: fields.taskId, pushNotificationConfigId: fields.id, metadata: fields.metadata })
  .transform(({ id: taskId, pushNotificationConfigId: id }) => ({ taskId, id }));

function toConfig({ taskId, config }: PushConfigView): JsonObject {
  return { taskId, pushNotificationConfig: { id: config.id, ...toLegacyConfig(config) } };
}

export const V03_PUSH: Required<PushCodec> = {
  decodeCreate: (params) => decode(createParams, params),
  decodeGet: (params) => decode(getParams, params),
  decodeList: (params) => decode(listParams, params),
  decodeDelete: (params) => decode(deleteParams, params),
  encodeConfig: (view) => (view === undefined ? null : toConfig(view)),
  encodeConfigs: ({ configs }) => configs.map(toConfig),
  encodeDeleted: () => null,
  encodeNotification: (_event, task) => ({ contentType: 'application/json', body: toTask(task) }),
};
