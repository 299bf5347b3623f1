/** Messages, and what of the answers the conformance tests look at. */
import type { JsonObject, JsonValue } from '../../protocol/units.ts';

let made = 0;
export const newId = (): string => `c-${++made}-${Math.random().toString(36).slice(2, 8)}`;

/** Params of a send of 1.0. */
export const say = (text: string, over: JsonObject = {}, configuration: JsonObject = {}): JsonObject => ({
  message: { messageId: newId(), role: 'ROLE_USER', parts: [{ text }], ...over },
  configuration,
});

/** Params of a send of 0.3. */
export const say03 = (text: string, over: JsonObject = {}, configuration: JsonObject = {}): JsonObject => ({
  message: { kind: 'message', messageId: newId(), role: 'user', parts: [{ kind: 'text', text }], ...over },
  configuration,
});

/** Params of a send of 0.1. */
export const say01 = (id: string, text: string, over: JsonObject = {}): JsonObject => ({
  id,
  message: { role: 'user', parts: [{ type: 'text', text }] },
  ...over,
});

export interface ShownTask {
  id: string;
  contextId: string;
  status: { state: string; timestamp: string; message?: { parts: { text?: string }[] } };
  artifacts?: { artifactId: string; parts: { text?: string }[] }[];
  history?: { messageId: string; contextId: string; taskId: string; parts: { text?: string }[] }[];
}

export const taskIn = (result: JsonValue): ShownTask => {
  const { task = result } = result as { task?: JsonValue };
  return task as unknown as ShownTask;
};

export const textsOf = (task: ShownTask): string[] =>
  (task.artifacts ?? []).map(({ parts }) => parts.map(({ text }) => text ?? '?').join('|'));

export const historyOf = (task: ShownTask): string[] =>
  (task.history ?? []).map(({ parts }) => parts.map(({ text }) => text ?? '?').join('|'));

/** `task`, `message`, `statusUpdate` or `artifactUpdate`. */
export const memberOf = (result: JsonObject): string => Object.keys(result).join('+');
