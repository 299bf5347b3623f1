import { CODECS } from '../../protocol/dialects/codecs.ts';
import type { A2AOperations } from '../a2a/call.ts';
import { checkTenant, type OperationHandlers } from './operation-handler.ts';

/** What a dialect has a method for, its codec can read and write. */
function had<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the dialect has the method and not its codec');
  return part;
}

/** Webhooks: create, look at, list, delete. */
export function createPushHandlers(operations: A2AOperations): OperationHandlers {
  return {
    async createPushConfig(params, call) {
      const { push } = CODECS[call.dialect];
      const decoded = push.decodeCreate(params);
      checkTenant(decoded.tenant, call);
      const answer = await operations.createPushConfig(decoded, call);
      return { ...answer, result: push.encodeConfig(answer.result) };
    },
    async getPushConfig(params, call) {
      const { push } = CODECS[call.dialect];
      const decoded = push.decodeGet(params);
      checkTenant(decoded.tenant, call);
      const answer = await operations.getPushConfig(decoded, call);
      return { ...answer, result: push.encodeConfig(answer.result) };
    },
    async listPushConfigs(params, call) {
      const { push } = CODECS[call.dialect];
      const decoded = had(push.decodeList?.(params));
      checkTenant(decoded.tenant, call);
      const answer = await operations.listPushConfigs(decoded, call);
      return { ...answer, result: had(push.encodeConfigs?.(answer.result)) };
    },
    async deletePushConfig(params, call) {
      const { push } = CODECS[call.dialect];
      const decoded = had(push.decodeDelete?.(params));
      checkTenant(decoded.tenant, call);
      const answer = await operations.deletePushConfig(decoded, call);
      return { ...answer, result: had(push.encodeDeleted?.()) };
    },
  };
}
