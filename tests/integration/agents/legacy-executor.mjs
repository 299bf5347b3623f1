/**
 * The same for the 0.3 line of `@a2a-js/sdk`, of which a compiled executor imports nothing: it gave and took plain
 * objects, told apart by `kind`.
 */
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

const textOf = (message) => message.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');

class VerbExecutor {
  #stopped = new Set();

  cancelTask = async (taskId) => {
    this.#stopped.add(taskId);
  };

  async execute(requestContext, eventBus) {
    const { userMessage, task } = requestContext;
    const [verb] = textOf(userMessage).split(' ');
    if (task) this.#answer(requestContext, eventBus);
    else if (verb === 'echo') eventBus.publish(this.#says(requestContext, textOf(userMessage)));
    else await this.#work(verb, requestContext, eventBus);
    eventBus.finished();
  }

  #says({ taskId, contextId }, text) {
    const parts = [{ kind: 'text', text }];
    return { kind: 'message', messageId: randomUUID(), role: 'agent', parts, taskId, contextId };
  }

  #status(context, eventBus, state, final, text) {
    const { taskId, contextId } = context;
    const status = {
      state,
      timestamp: new Date().toISOString(),
      ...(text && { message: this.#says(context, text) }),
    };
    eventBus.publish({ kind: 'status-update', taskId, contextId, status, final });
  }

  #artifact({ taskId, contextId }, eventBus, parts, chunk = {}) {
    const artifact = { artifactId: 'result', name: 'Result', parts };
    eventBus.publish({ kind: 'artifact-update', taskId, contextId, artifact, ...chunk });
  }

  async #work(verb, context, eventBus) {
    const { taskId: id, contextId, userMessage } = context;
    const status = { state: 'submitted', timestamp: new Date().toISOString() };
    eventBus.publish({
      kind: 'task',
      id,
      contextId,
      status,
      history: [userMessage],
      metadata: userMessage.metadata,
    });
    if (verb === 'book') {
      this.#status(context, eventBus, 'input-required', true, 'Where to?');
      return;
    }
    this.#status(context, eventBus, 'working', false, 'At it');
    if (verb === 'wait') {
      while (!this.#stopped.has(id)) await delay(5);
      this.#status(context, eventBus, 'canceled', true, 'Stopped as asked');
      return;
    }
    for (const n of [0, 1, 2]) {
      const parts = [{ kind: 'text', text: `chunk ${n}` }];
      this.#artifact(context, eventBus, parts, { append: n > 0, lastChunk: n === 2 });
    }
    const bytes = Buffer.from('bytes').toString('base64');
    const file = { bytes, name: 'b.bin', mimeType: 'text/plain' };
    const last = [
      { kind: 'file', file },
      { kind: 'data', data: { rows: [1, 2] } },
    ];
    this.#artifact(context, eventBus, last, { append: true, lastChunk: true });
    this.#status(context, eventBus, 'completed', true);
  }

  #answer(context, eventBus) {
    const { task, userMessage } = context;
    if (task.status.state !== 'input-required') throw new Error('nobody was asked');
    const asked = task.history.filter(({ role }) => role === 'user').map(textOf);
    const said = task.history.filter(({ role }) => role === 'agent').map(textOf);
    const text = `${asked[0]} / ${said[0]} / ${textOf(userMessage)}`;
    this.#artifact(context, eventBus, [{ kind: 'text', text }]);
    eventBus.publish({ ...task, status: { state: 'completed', timestamp: new Date().toISOString() } });
  }
}

export const executor = new VerbExecutor();
