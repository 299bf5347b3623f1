import { expect } from 'chai';
import { methodName, OPERATION_NAMES, operationOf, streams } from '../../../protocol/operations.ts';

const TABLE = [
  ['sendMessage', 'SendMessage', 'message/send', 'tasks/send'],
  ['sendStreamingMessage', 'SendStreamingMessage', 'message/stream', 'tasks/sendSubscribe'],
  ['getTask', 'GetTask', 'tasks/get', 'tasks/get'],
  ['listTasks', 'ListTasks', undefined, undefined],
  ['cancelTask', 'CancelTask', 'tasks/cancel', 'tasks/cancel'],
  ['subscribeToTask', 'SubscribeToTask', 'tasks/resubscribe', 'tasks/resubscribe'],
  [
    'createPushConfig',
    'CreateTaskPushNotificationConfig',
    'tasks/pushNotificationConfig/set',
    'tasks/pushNotification/set',
  ],
  [
    'getPushConfig',
    'GetTaskPushNotificationConfig',
    'tasks/pushNotificationConfig/get',
    'tasks/pushNotification/get',
  ],
  ['listPushConfigs', 'ListTaskPushNotificationConfigs', 'tasks/pushNotificationConfig/list', undefined],
  ['deletePushConfig', 'DeleteTaskPushNotificationConfig', 'tasks/pushNotificationConfig/delete', undefined],
  ['getExtendedCard', 'GetExtendedAgentCard', 'agent/getAuthenticatedExtendedCard', undefined],
] as const;

describe('operations', () => {
  it('are the eleven of A2A 1.0', () => {
    expect(OPERATION_NAMES).to.have.members(TABLE.map(([operation]) => operation));
  });

  for (const [operation, v1, v03, v01] of TABLE) {
    it(`call ${operation} ${v1}, ${v03 ?? 'nothing'} and ${v01 ?? 'nothing'}, and find it again`, () => {
      expect(methodName(operation, 'v1')).to.equal(v1);
      expect(methodName(operation, 'v03')).to.equal(v03);
      expect(methodName(operation, 'v01')).to.equal(v01);
      expect(operationOf(v1, 'v1')).to.equal(operation);
      if (v03 !== undefined) expect(operationOf(v03, 'v03')).to.equal(operation);
      if (v01 !== undefined) expect(operationOf(v01, 'v01')).to.equal(operation);
    });
  }

  it('stream in two cases only', () => {
    expect(OPERATION_NAMES.filter(streams)).to.have.members(['sendStreamingMessage', 'subscribeToTask']);
  });

  it('find nothing by names that every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '']) {
      expect(operationOf(name, 'v1')).to.equal(undefined);
    }
  });
});
