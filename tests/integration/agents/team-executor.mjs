/** Four executors as users of the SDK write them, behind one that chooses by the first word. */
import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { Role, TaskState } from '@a2a-js/sdk';
import { AgentEvent } from '@a2a-js/sdk/server';

const part = (value) => ({
  content: { $case: 'text', value },
  metadata: undefined,
  filename: '',
  mediaType: '',
});
const wordsOf = (message) => message.parts.map((each) => each.content?.value ?? '').join(' ');
const statusOf = (state, message) => ({ state, message, timestamp: new Date().toISOString() });
const say = ({ taskId, contextId }, text) => ({
  messageId: randomUUID(),
  contextId,
  taskId,
  role: Role.ROLE_AGENT,
  parts: [part(text)],
  metadata: undefined,
  extensions: [],
  referenceTaskIds: [],
});
const begin = (context, bus) => {
  const { taskId: id, contextId, userMessage, task } = context;
  if (task !== undefined) return;
  const status = statusOf(TaskState.TASK_STATE_SUBMITTED);
  bus.publish(
    AgentEvent.task({ id, contextId, status, artifacts: [], history: [userMessage], metadata: undefined }),
  );
};
const move = ({ taskId, contextId }, bus, state, message) =>
  bus.publish(
    AgentEvent.statusUpdate({ taskId, contextId, status: statusOf(state, message), metadata: undefined }),
  );

/** Tokens of a model, each with `append`, the first one too: that is how they come. */
class ModelExecutor {
  async execute(context, bus) {
    const { taskId, contextId, userMessage } = context;
    begin(context, bus);
    move(context, bus, TaskState.TASK_STATE_WORKING, say(context, 'Thinking'));
    const tokens = `You said: ${wordsOf(userMessage)}`.split(/(?<= )/);
    for (const [i, token] of tokens.entries()) {
      await turn();
      const artifact = {
        artifactId: 'answer',
        name: 'Answer',
        description: '',
        parts: [part(token)],
        metadata: undefined,
        extensions: [],
      };
      const lastChunk = i === tokens.length - 1;
      bus.publish(
        AgentEvent.artifactUpdate({
          taskId,
          contextId,
          artifact,
          append: true,
          lastChunk,
          metadata: undefined,
        }),
      );
    }
    move(context, bus, TaskState.TASK_STATE_COMPLETED);
    bus.finished();
  }
}

/** Keeps what it was told in a Map of its own, by task, until it has all it needs. */
class OrderExecutor {
  orders = new Map();

  async execute(context, bus) {
    const { taskId, userMessage } = context;
    begin(context, bus);
    const order = [...(this.orders.get(taskId) ?? []), wordsOf(userMessage)];
    this.orders.set(taskId, order);
    if (order.length < 3) {
      const question = order.length === 1 ? 'What size?' : 'What colour?';
      move(context, bus, TaskState.TASK_STATE_INPUT_REQUIRED, say(context, question));
      bus.finished();
      return;
    }
    this.orders.delete(taskId);
    move(context, bus, TaskState.TASK_STATE_COMPLETED, say(context, order.join(', ')));
    bus.finished();
  }
}

/** Has no memory: all that it knows stands in the history of the task. */
class HistoryExecutor {
  async execute(context, bus) {
    const { task } = context;
    begin(context, bus);
    const said = (task?.history ?? []).map(
      (each) => `${each.role === Role.ROLE_USER ? 'user' : 'agent'} ${wordsOf(each)}`,
    );
    if (said.length < 4)
      move(context, bus, TaskState.TASK_STATE_INPUT_REQUIRED, say(context, `And ${said.length}?`));
    else move(context, bus, TaskState.TASK_STATE_COMPLETED, say(context, said.join('; ')));
    bus.finished();
  }
}

/** Publishes the whole task as it has become, with its history, and nothing else. */
class WholeTaskExecutor {
  async execute(context, bus) {
    const { taskId: id, contextId, userMessage } = context;
    const artifacts = ['one', 'two'].map((artifactId) => ({
      artifactId,
      name: artifactId,
      description: '',
      parts: [part(`${artifactId}: ${wordsOf(userMessage)}`)],
      metadata: undefined,
      extensions: [],
    }));
    const status = statusOf(TaskState.TASK_STATE_COMPLETED, say(context, 'There you are'));
    bus.publish(
      AgentEvent.task({ id, contextId, status, artifacts, history: [userMessage], metadata: { cost: 3 } }),
    );
    bus.finished();
  }
}

export class TeamExecutor {
  team = {
    model: new ModelExecutor(),
    order: new OrderExecutor(),
    history: new HistoryExecutor(),
    whole: new WholeTaskExecutor(),
  };
  chosen = new Map();

  async execute(requestContext, eventBus) {
    const { taskId, userMessage } = requestContext;
    const [first] = wordsOf(userMessage).split(' ');
    const member = this.chosen.get(taskId) ?? this.team[first];
    this.chosen.set(taskId, member);
    await member.execute(requestContext, eventBus);
  }

  async cancelTask() {}
}
