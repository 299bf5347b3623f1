/** What can be asked about something of another: for every operation and dialect, at least one way. */
import { methodName, OPERATION_NAMES, type Operation } from '../../protocol/operations.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject } from '../../protocol/units.ts';

/** What somebody may have found out about what another has; or made up. */
export interface Known {
  readonly taskId: string;
  readonly contextId: string;
  readonly hookId: string;
  readonly pageToken: string;
  /** `Last-Event-ID` */
  readonly cursor: string;
}

/**
 * What it is answered when it is about something foreign: `unknown`, there is no such task; `own`, with something of the
 * caller's own, new or empty; `refused`, as what is garbled is; `open`, it is about nobody's.
 */
export type Foreign = 'unknown' | 'own' | 'refused' | 'open';

export interface Ask {
  readonly operation: Operation;
  readonly dialect: Dialect;
  readonly method: string;
  readonly by: string;
  readonly foreign: Foreign;
  readonly params: (known: Known) => JsonObject;
  readonly headers: (known: Known) => Record<string, string>;
}

type Row = readonly [
  by: string,
  foreign: Foreign,
  params: (known: Known) => JsonObject,
  headers?: (known: Known) => Record<string, string>,
];

/** An operation that is added has no row, and this does not compile; a dialect that gets it has none, and a test fails. */
type Table = Readonly<Record<Operation, Readonly<Partial<Record<Dialect, readonly Row[]>>>>>;

const HOOK = 'https://hook.example/';

const v1 = (over: JsonObject): JsonObject => ({
  message: { messageId: 'again', role: 'ROLE_USER', parts: [{ text: 'refer' }], ...over },
});
const v03 = (over: JsonObject): JsonObject => ({
  message: {
    kind: 'message',
    messageId: 'again',
    role: 'user',
    parts: [{ kind: 'text', text: 'refer' }],
    ...over,
  },
});
const v01 = (id: string, over: JsonObject = {}): JsonObject => ({
  id,
  message: { role: 'user', parts: [{ type: 'text', text: 'refer' }] },
  ...over,
});

/** Also 0.3: it has the same members. */
const sends = (send: (over: JsonObject) => JsonObject): readonly Row[] => [
  ['its task', 'unknown', ({ taskId }) => send({ taskId })],
  ['its task and context', 'unknown', ({ taskId, contextId }) => send({ taskId, contextId })],
  ['its context', 'own', ({ contextId }) => send({ contextId })],
  [
    'a reference to its task',
    'own',
    ({ taskId, contextId }) => send({ contextId: `own-${contextId}`, referenceTaskIds: [taskId] }),
  ],
];
/** A client of 0.1 chooses the ids of its tasks: one that it does not have is free. */
const firstSends: readonly Row[] = [
  ['its task', 'own', ({ taskId }) => v01(taskId)],
  ['its context', 'own', ({ contextId }) => v01(`own-${contextId}`, { sessionId: contextId })],
];
const byId: Row = ['its task', 'unknown', ({ taskId }) => ({ id: taskId })];
const resumed: Row = [
  'its task and a cursor',
  'unknown',
  ({ taskId }) => ({ id: taskId }),
  ({ cursor }) => ({ 'Last-Event-ID': cursor }),
];
const firstHook = { url: HOOK };

const TABLE: Table = {
  sendMessage: { v1: sends(v1), v03: sends(v03), v01: firstSends },
  sendStreamingMessage: { v1: sends(v1), v03: sends(v03), v01: firstSends },
  getTask: { v1: [byId], v03: [byId], v01: [byId] },
  listTasks: {
    v1: [
      ['nothing', 'own', () => ({})],
      ['its context', 'own', ({ contextId }) => ({ contextId })],
      // with the filter that it was given for: what is left to refuse it is whose it is
      ['a page token', 'refused', ({ contextId, pageToken }) => ({ contextId, pageSize: 1, pageToken })],
    ],
  },
  cancelTask: { v1: [byId], v03: [byId], v01: [byId] },
  subscribeToTask: { v1: [byId, resumed], v03: [byId, resumed], v01: [byId, resumed] },
  createPushConfig: {
    v1: [['its task', 'unknown', ({ taskId }) => ({ taskId, url: HOOK })]],
    v03: [['its task', 'unknown', ({ taskId }) => ({ taskId, pushNotificationConfig: { url: HOOK } })]],
    v01: [['its task', 'unknown', ({ taskId }) => ({ id: taskId, pushNotificationConfig: firstHook })]],
  },
  getPushConfig: {
    v1: [['its webhook', 'unknown', ({ taskId, hookId }) => ({ taskId, id: hookId })]],
    v03: [
      ['its webhook', 'unknown', ({ taskId, hookId }) => ({ id: taskId, pushNotificationConfigId: hookId })],
    ],
    v01: [byId],
  },
  listPushConfigs: {
    v1: [['its task', 'unknown', ({ taskId }) => ({ taskId })]],
    v03: [byId],
  },
  deletePushConfig: {
    v1: [['its webhook', 'unknown', ({ taskId, hookId }) => ({ taskId, id: hookId })]],
    v03: [
      ['its webhook', 'unknown', ({ taskId, hookId }) => ({ id: taskId, pushNotificationConfigId: hookId })],
    ],
  },
  getExtendedCard: {
    v1: [['nothing', 'open', () => ({})]],
    v03: [['nothing', 'open', () => ({})]],
  },
};

export const DIALECTS: readonly Dialect[] = ['v1', 'v03', 'v01'];

/** Operations and dialects that nothing is asked of. */
export const MISSING: readonly string[] = OPERATION_NAMES.flatMap((operation) =>
  DIALECTS.filter((dialect) => {
    const rows = (TABLE[operation][dialect] ?? []).length;
    return methodName(operation, dialect) === undefined ? rows > 0 : rows === 0;
  }).map((dialect) => `${operation} ${dialect}`),
);

export const ASKS: readonly Ask[] = OPERATION_NAMES.flatMap((operation) =>
  DIALECTS.flatMap((dialect) =>
    (TABLE[operation][dialect] ?? []).map(([by, foreign, params, headers = () => ({})]) => ({
      ...{ operation, dialect, by, foreign, params, headers },
      method: methodName(operation, dialect) ?? '',
    })),
  ),
);
