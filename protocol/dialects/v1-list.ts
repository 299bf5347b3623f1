/** The list of tasks. A2A 1.0 §3.1.4; no other dialect has it on JSON-RPC. */
import { z } from 'zod';
import type { ListTasksParams } from '../model.ts';
import { TASK_STATES } from '../task-state.ts';
import type { ListCodec } from './codec.ts';
import { decode } from './decode.ts';
import * as fields from './fields.ts';
import { present } from './present.ts';
import { int32, optionalEnum, protoObject, timestamp } from './proto-json.ts';
import { historyLength, tenant } from './v1-fields.ts';
import { toListedTask } from './v1-shapes.ts';

const listParams = protoObject({
  tenant,
  contextId: fields.unsetWhenEmpty(fields.id),
  status: optionalEnum(TASK_STATES, 'TASK_STATE_UNSPECIFIED'),
  pageSize: fields.optional(int32(fields.pageSize)),
  pageToken: fields.unsetWhenEmpty(fields.pageToken),
  historyLength,
  statusTimestampAfter: fields.optional(timestamp),
  includeArtifacts: fields.optional(z.boolean()),
}).transform(({ status, statusTimestampAfter, includeArtifacts, ...rest }): ListTasksParams =>
  present({
    ...rest,
    state: status,
    // "after" in its name only: the specification's own words are "greater than or equal"
    since: statusTimestampAfter,
    includeArtifacts: includeArtifacts ?? false,
  }),
);

export const V1_LIST: ListCodec = {
  // everything is optional, so that a call without params asks for the first page of everything
  decode: (params) => decode(listParams, params ?? {}, 'proto'),
  encode: ({ tasks, nextPageToken, pageSize, totalSize, includeArtifacts }) => ({
    tasks: tasks.map(({ task }) => toListedTask(task, includeArtifacts)),
    nextPageToken,
    pageSize,
    totalSize,
  }),
};
