/** The webhook of 0.1, at most one for each task: §7.5, §7.6. Listing and deleting came later; `null` takes it away. */
import { z } from 'zod';
import type { PushCodec } from './codec.ts';
import { decode } from './decode.ts';
import * as fields from './fields.ts';
import { pushConfigV01, toLegacyConfig } from './legacy-push.ts';
import { toTask } from './v01-shapes.ts';

const createParams = z
  .object({ id: fields.taskId, pushNotificationConfig: pushConfigV01.nullable() })
  .transform(({ id: taskId, pushNotificationConfig: config }) => ({ taskId, config }));

const getParams = z
  .object({ id: fields.taskId, metadata: fields.metadata })
  .transform(({ id: taskId }) => ({ taskId }));

export const V01_PUSH: PushCodec = {
  decodeCreate: (params) => decode(createParams, params),
  decodeGet: (params) => decode(getParams, params),
  encodeConfig: (view) =>
    view === undefined ? null : { id: view.taskId, pushNotificationConfig: toLegacyConfig(view.config) },
  encodeNotification: (_event, task) => ({ contentType: 'application/json', body: toTask(task) }),
};
