/** Webhooks of 1.0. A2A 1.0 §3.1.7 to §3.1.10, §4.3; a2a.proto `TaskPushNotificationConfig`. */
import type { CreatePushParams, ListPushParams, PushConfig, PushConfigView } from '../model.ts';
import type { JsonObject } from '../units.ts';
import type { PushCodec } from './codec.ts';
import { decode } from './decode.ts';
import * as fields from './fields.ts';
import { present } from './present.ts';
import { int32, protoObject } from './proto-json.ts';
import { tenant } from './v1-fields.ts';
import { toStreamResponse } from './v1-shapes.ts';
import { authScheme, optionalSecret, webhookUrl } from './webhook-fields.ts';

const CONFIG = {
  id: fields.unsetWhenEmpty(fields.id),
  url: webhookUrl,
  token: optionalSecret,
  /** 1.0 has one scheme, 0.x a list of them. */
  authentication: fields.optional(
    protoObject({ scheme: authScheme, credentials: optionalSecret }).transform(({ scheme, credentials }) =>
      present({ schemes: [scheme], credentials }),
    ),
  ),
};

/** As a send brings it. Its `taskId` is not read: the task is the one of the message. */
export const pushConfig = protoObject(CONFIG).transform((given): PushConfig => present(given));

/** The params are the config. */
const createParams = protoObject({ tenant, taskId: fields.taskId, ...CONFIG }).transform(
  ({ tenant, taskId, ...config }): CreatePushParams => present({ tenant, taskId, config: present(config) }),
);

/** Get and delete. */
const namedParams = protoObject({ tenant, taskId: fields.taskId, id: fields.id }).transform(present);

/** Not `optional` in the proto file, so that 0 is the unset one; a greater page than there is may be asked for. */
const pageSize = int32(fields.count).transform((asked) =>
  asked === 0 ? undefined : Math.min(asked, fields.MAX_PAGE_SIZE),
);

const listParams = protoObject({
  tenant,
  taskId: fields.taskId,
  pageSize: fields.optional(pageSize),
  pageToken: fields.unsetWhenEmpty(fields.pageToken),
}).transform((given): ListPushParams => present(given));

function toConfig({ taskId, config }: PushConfigView): JsonObject {
  const [scheme] = config.authentication?.schemes ?? [];
  return present({
    id: config.id,
    taskId,
    url: config.url,
    token: config.token,
    authentication: scheme === undefined ? undefined : { scheme },
  });
}

export const V1_PUSH: Required<PushCodec> = {
  decodeCreate: (params) => decode(createParams, params, 'proto'),
  decodeGet: (params) => decode(namedParams, params, 'proto'),
  decodeList: (params) => decode(listParams, params, 'proto'),
  decodeDelete: (params) => decode(namedParams, params, 'proto'),
  encodeConfig: (view) => (view === undefined ? {} : toConfig(view)),
  encodeConfigs: ({ configs, nextPageToken }) => ({ configs: configs.map(toConfig), nextPageToken }),
  // google.protobuf.Empty
  encodeDeleted: () => ({}),
  encodeNotification: (event) => ({
    contentType: 'application/a2a+json',
    body: toStreamResponse(event),
  }),
};
