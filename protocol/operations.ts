import type { Dialect } from './model.ts';

interface OperationRow {
  /** Whether the answer is a stream of events. */
  readonly streams: boolean;
  /** The JSON-RPC method in each dialect that has the operation. */
  readonly method: Readonly<Partial<Record<Dialect, string>>>;
}

/**
 * Every A2A operation and what each dialect calls it: A2A 1.0 §5.3, 0.3 §3.5.6, 0.1 §7. The JSON-RPC binding of 0.3
 * has no list of tasks, and 0.1 has neither that nor the plural of webhooks nor an extended card.
 */
export const OPERATIONS = {
  sendMessage: {
    streams: false,
    method: { v1: 'SendMessage', v03: 'message/send', v01: 'tasks/send' },
  },
  sendStreamingMessage: {
    streams: true,
    method: { v1: 'SendStreamingMessage', v03: 'message/stream', v01: 'tasks/sendSubscribe' },
  },
  getTask: {
    streams: false,
    method: { v1: 'GetTask', v03: 'tasks/get', v01: 'tasks/get' },
  },
  listTasks: {
    streams: false,
    method: { v1: 'ListTasks' },
  },
  cancelTask: {
    streams: false,
    method: { v1: 'CancelTask', v03: 'tasks/cancel', v01: 'tasks/cancel' },
  },
  subscribeToTask: {
    streams: true,
    method: { v1: 'SubscribeToTask', v03: 'tasks/resubscribe', v01: 'tasks/resubscribe' },
  },
  createPushConfig: {
    streams: false,
    method: {
      v1: 'CreateTaskPushNotificationConfig',
      v03: 'tasks/pushNotificationConfig/set',
      v01: 'tasks/pushNotification/set',
    },
  },
  getPushConfig: {
    streams: false,
    method: {
      v1: 'GetTaskPushNotificationConfig',
      v03: 'tasks/pushNotificationConfig/get',
      v01: 'tasks/pushNotification/get',
    },
  },
  listPushConfigs: {
    streams: false,
    method: { v1: 'ListTaskPushNotificationConfigs', v03: 'tasks/pushNotificationConfig/list' },
  },
  deletePushConfig: {
    streams: false,
    method: { v1: 'DeleteTaskPushNotificationConfig', v03: 'tasks/pushNotificationConfig/delete' },
  },
  getExtendedCard: {
    streams: false,
    method: { v1: 'GetExtendedAgentCard', v03: 'agent/getAuthenticatedExtendedCard' },
  },
} as const satisfies Record<string, OperationRow>;

export type Operation = keyof typeof OPERATIONS;

export const OPERATION_NAMES = Object.keys(OPERATIONS) as readonly Operation[];

/** @returns undefined when the dialect does not have the operation */
export function methodName(operation: Operation, dialect: Dialect): string | undefined {
  const row: OperationRow = OPERATIONS[operation];
  return row.method[dialect];
}

export function streams(operation: Operation): boolean {
  return OPERATIONS[operation].streams;
}

/** Maps, not objects: a method called `constructor` must not find anything. */
function byMethod(dialect: Dialect): ReadonlyMap<string, Operation> {
  const found = new Map<string, Operation>();
  for (const operation of OPERATION_NAMES) {
    const method = methodName(operation, dialect);
    if (method !== undefined) found.set(method, operation);
  }
  return found;
}

const BY_METHOD: Readonly<Record<Dialect, ReadonlyMap<string, Operation>>> = {
  v1: byMethod('v1'),
  v03: byMethod('v03'),
  v01: byMethod('v01'),
};

/** @returns undefined when the dialect has no such method */
export function operationOf(method: string, dialect: Dialect): Operation | undefined {
  return BY_METHOD[dialect].get(method);
}
