/**
 * An executor as the users of `@a2a-js/sdk` 1.x write it: a class that is exported, its enumerations, its event factories,
 * and nothing of Holdfast. Each text that it is sent begins with what it is to do.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Message, Role, TaskState } from '@a2a-js/sdk';
import { AgentEvent } from '@a2a-js/sdk/server';

const part = (value) => ({
  content: { $case: 'text', value },
  metadata: undefined,
  filename: '',
  mediaType: 'text/plain',
});

const textOf = (message) =>
  message.parts.map(({ content }) => (content?.$case === 'text' ? content.value : '')).join('');

export class VerbExecutor {
  #stopped = new Set();

  cancelTask = async (taskId, _eventBus) => {
    this.#stopped.add(taskId);
  };

  async execute(requestContext, eventBus) {
    const { userMessage, taskId } = requestContext;
    const [verb] = textOf(userMessage).split(' ');
    try {
      switch (requestContext.task === undefined ? verb : 'answer') {
        case 'echo':
          eventBus.publish(AgentEvent.message(this.#says(requestContext, textOf(userMessage))));
          break;
        case 'report':
          this.#report(requestContext, eventBus);
          break;
        case 'book':
          this.#begin(requestContext, eventBus);
          this.#status(requestContext, eventBus, TaskState.TASK_STATE_INPUT_REQUIRED, 'Where to?');
          break;
        case 'answer':
          this.#answer(requestContext, eventBus);
          break;
        case 'wait':
          await this.#wait(requestContext, eventBus);
          break;
        case 'tell':
          this.#tell(requestContext, eventBus);
          break;
      }
      eventBus.finished();
    } finally {
      this.#stopped.delete(taskId);
    }
  }

  /** Every turn begins with the task: a new one, or the one that is there. */
  #begin({ taskId, contextId, userMessage, task }, eventBus) {
    const submitted = {
      id: taskId,
      contextId,
      status: {
        state: TaskState.TASK_STATE_SUBMITTED,
        message: undefined,
        timestamp: new Date().toISOString(),
      },
      artifacts: [],
      history: [userMessage],
      metadata: userMessage.metadata,
    };
    eventBus.publish(AgentEvent.task(task ?? submitted));
  }

  #says({ taskId, contextId }, text) {
    return {
      messageId: randomUUID(),
      contextId,
      taskId,
      role: Role.ROLE_AGENT,
      parts: [part(text)],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    };
  }

  #status(context, eventBus, state, text) {
    const { taskId, contextId } = context;
    const message = text === undefined ? undefined : this.#says(context, text);
    const status = { state, message, timestamp: new Date().toISOString() };
    eventBus.publish(AgentEvent.statusUpdate({ taskId, contextId, status, metadata: {} }));
  }

  #artifact({ taskId, contextId }, eventBus, parts, chunk = { append: false, lastChunk: true }) {
    const artifact = {
      artifactId: 'result',
      name: 'Result',
      description: '',
      parts,
      metadata: undefined,
      extensions: [],
    };
    eventBus.publish(
      AgentEvent.artifactUpdate({ taskId, contextId, artifact, ...chunk, metadata: undefined }),
    );
  }

  #report(context, eventBus) {
    this.#begin(context, eventBus);
    this.#status(context, eventBus, TaskState.TASK_STATE_WORKING, 'At it');
    for (const n of [0, 1, 2]) {
      this.#artifact(context, eventBus, [part(`chunk ${n}`)], { append: n > 0, lastChunk: n === 2 });
    }
    const bytes = { ...part(''), content: { $case: 'raw', value: Buffer.from('bytes') }, filename: 'b.bin' };
    const data = { ...part(''), content: { $case: 'data', value: { rows: [1, 2] } } };
    this.#artifact(context, eventBus, [bytes, data], { append: true, lastChunk: true });
    this.#status(context, eventBus, TaskState.TASK_STATE_COMPLETED);
  }

  #answer(context, eventBus) {
    const { task, userMessage } = context;
    if (task.status.state !== TaskState.TASK_STATE_INPUT_REQUIRED) throw new Error('nobody was asked');
    this.#begin(context, eventBus);
    const asked = task.history.filter(({ role }) => role === Role.ROLE_USER).map(textOf);
    const said = task.history.filter(({ role }) => role === Role.ROLE_AGENT).map(textOf);
    this.#artifact(context, eventBus, [part(`${asked[0]} / ${said[0]} / ${textOf(userMessage)}`)]);
    eventBus.publish(
      AgentEvent.task({
        ...task,
        status: {
          state: TaskState.TASK_STATE_COMPLETED,
          message: undefined,
          timestamp: new Date().toISOString(),
        },
      }),
    );
  }

  async #wait(context, eventBus) {
    this.#begin(context, eventBus);
    this.#status(context, eventBus, TaskState.TASK_STATE_WORKING);
    while (!this.#stopped.has(context.taskId)) await delay(5);
    this.#status(context, eventBus, TaskState.TASK_STATE_CANCELED, 'Stopped as asked');
  }

  /** What it sees of the request, in the words of the SDK. */
  #tell(requestContext, eventBus) {
    const { context, request, referenceTasks, task } = requestContext;
    const seen = {
      isNew: !task,
      message: Message.toJSON(request.message),
      same: request.message === requestContext.userMessage,
      modes: request.configuration?.acceptedOutputModes,
      metadata: request.metadata,
      version: context.requestedVersion,
      authenticated: context.user?.isAuthenticated,
      extensions: context.requestedExtensions,
      references: referenceTasks?.map(({ id, status }) => [id, TaskState[status.state]]),
    };
    this.#begin(requestContext, eventBus);
    this.#artifact(requestContext, eventBus, [{ ...part(''), content: { $case: 'data', value: seen } }]);
    this.#status(requestContext, eventBus, TaskState.TASK_STATE_COMPLETED);
  }
}
