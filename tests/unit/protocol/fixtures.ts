import { expect } from 'chai';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { Message, Task, TaskView } from '../../../protocol/model.ts';
import type { TaskState } from '../../../protocol/task-state.ts';
import type { JsonValue } from '../../../protocol/units.ts';

/** What went over the wire and came back, so that tests compare JSON and not what JavaScript makes of it. */
export function overTheWire(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The fields that a decode names, each with what is wrong. Fails when nothing is refused, or with another error. */
export function refusal(decode: () => unknown): Record<string, string> {
  try {
    decode();
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    expect(error.rpcCode('v1')).to.equal(-32602);
    for (const { field } of error.violations) expect(error.message).to.include(field);
    return Object.fromEntries(error.violations.map(({ field, description }) => [field, description]));
  }
  throw new Error('expected the params to be refused');
}

export const TIME = '2026-01-02T03:04:05.678Z';

export function aMessage(members: Partial<Message> = {}): Message {
  return { messageId: 'm1', role: 'ROLE_USER', parts: [{ text: 'hi' }], ...members };
}

export function aTask(members: Partial<Task> = {}): Task {
  return {
    id: 'c1.t1',
    contextId: 'c1',
    status: { state: 'TASK_STATE_COMPLETED', timestamp: TIME },
    artifacts: [],
    history: [],
    ...members,
  };
}

export function inState(state: TaskState): Task {
  return aTask({ status: { state, timestamp: TIME } });
}

export function view(task: Task, members: Partial<TaskView> = {}): TaskView {
  return { task, dialect: 'v1', ...members };
}

/** A member of encoded JSON, by its path. */
export function at(value: JsonValue, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inside, key) => (typeof inside === 'object' && inside !== null ? Reflect.get(inside, key) : undefined),
    value,
  );
}
