/** Calls with which nothing is wrong, of every operation in every generation. */
import { methodName, OPERATION_NAMES, type Operation } from '../../protocol/operations.ts';
import type { Dialect } from '../../protocol/model.ts';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { sendV01, sendV03, sendV1 } from '../../tests/helpers/rpc.ts';
import type { Random } from '../recovery/random.ts';
import type { IdPool } from './id-pool.ts';

export interface RightCall {
  readonly method: string;
  readonly params: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

const VERSIONS: Readonly<Record<Dialect, readonly Readonly<Record<string, string>>[]>> = {
  v1: [{ 'A2A-Version': '1.0' }],
  v03: [{}, { 'A2A-Version': '0.3' }],
  v01: [{}],
};
/** What the demo agent does by each is another path through the server. None lasts. */
const VERBS: readonly [string, ...string[]] = [
  ...(['count', 'recall', 'msg hi', 'slow 2 2', 'slow 3 0', 'input', 'auth', 'reject'] as const),
  ...['boom', 'big 3000', 'state k v', 'state k'],
];
const HOOKS: readonly [string, ...string[]] = ['https://hooks.invalid/a', 'https://127.0.0.1/', 'ftp://x/'];
const STATES: readonly [string, ...string[]] = ['TASK_STATE_COMPLETED', 'TASK_STATE_WORKING', 'TASK_STATE_X'];

/** Operations by how often they are asked for: sends make what the others find. */
const OPERATIONS: readonly [Operation, ...Operation[]] = [
  'sendMessage',
  ...(['sendMessage', 'sendMessage', 'sendStreamingMessage'] as const),
  ...OPERATION_NAMES,
];

export function rightCall(random: Random, ids: IdPool, mark: string): RightCall {
  const dialect = random.pick<Dialect>(['v1', 'v03', 'v01']);
  const operation = random.pick(OPERATIONS);
  const method = methodName(operation, dialect);
  if (method === undefined) return rightCall(random, ids, mark);
  const versions = VERSIONS[dialect];
  const params = paramsOf(operation, dialect, random, ids, mark);
  return { method, params, headers: versions[random.below(versions.length)] ?? {} };
}

const sometimes = (random: Random, members: () => JsonObject): JsonObject =>
  random.below(3) === 0 ? members() : {};

function paramsOf(
  operation: Operation,
  dialect: Dialect,
  random: Random,
  ids: IdPool,
  mark: string,
): JsonObject {
  const hook = (): JsonObject => ({
    url: random.pick(HOOKS),
    token: mark,
    ...sometimes(random, () => ({ id: ids.own(random) })),
  });
  const task = (): string => ids.task(random);
  const historyLength = (): JsonObject => ({ historyLength: random.below(5) });
  switch (operation) {
    case 'sendMessage':
    case 'sendStreamingMessage':
      return messageOf(dialect, random, ids, mark);
    case 'getTask':
      return { id: task(), ...sometimes(random, historyLength) };
    case 'cancelTask':
    case 'subscribeToTask':
      return { id: task() };
    case 'listTasks':
      return {
        ...sometimes(random, () => ({ contextId: ids.session(random) })),
        ...sometimes(random, () => ({ status: random.pick(STATES) })),
        ...sometimes(random, () => ({ pageSize: 1 + random.below(5), includeArtifacts: true })),
        ...sometimes(random, historyLength),
      };
    case 'createPushConfig':
      return dialect === 'v1'
        ? { taskId: task(), ...hook() }
        : { [dialect === 'v03' ? 'taskId' : 'id']: task(), pushNotificationConfig: hook() };
    case 'getPushConfig':
    case 'deletePushConfig':
      return dialect === 'v1'
        ? { taskId: task(), id: ids.own(random) }
        : { id: task(), ...(dialect === 'v03' && { pushNotificationConfigId: ids.own(random) }) };
    case 'listPushConfigs':
      return dialect === 'v1' ? { taskId: task(), pageSize: 1 } : { id: task() };
    case 'getExtendedCard':
      return {};
  }
}

function messageOf(dialect: Dialect, random: Random, ids: IdPool, mark: string): JsonObject {
  const text = random.below(3) === 0 ? random.pick(VERBS) : `${mark} ${random.below(1_000)}`;
  const session = random.below(3) > 0 ? ids.session(random) : undefined;
  const id = ids.own(random);
  if (dialect === 'v01')
    return { ...sendV01(id, text, session), ...sometimes(random, () => ({ historyLength: 2 })) };
  const { message } = (dialect === 'v1' ? sendV1 : sendV03)(id, text, session);
  const more: JsonValue = {
    ...(message as JsonObject),
    ...(random.below(6) === 0 && { taskId: ids.task(random) }),
    ...(random.below(8) === 0 && { referenceTaskIds: [ids.task(random)] }),
    ...(random.below(8) === 0 && { metadata: { a: [1, { b: mark }] } }),
  };
  const configuration: JsonObject =
    dialect === 'v1' ? { returnImmediately: random.below(2) === 0 } : { blocking: random.below(2) === 0 };
  return { message: more, ...sometimes(random, () => ({ configuration })) };
}
