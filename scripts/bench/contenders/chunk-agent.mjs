/** The agent that streams, for Holdfast: the same events as sdk-server.mjs publishes. */
import { chunksIn } from './chunks.mjs';

export const agent = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const status = (state) => ({ state, timestamp: new Date().toISOString() });
    const submitted = status('TASK_STATE_SUBMITTED');
    bus.publish({
      kind: 'task',
      data: { id: taskId, contextId, status: submitted, artifacts: [], history: [userMessage] },
    });
    bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status: status('TASK_STATE_WORKING') } });
    for await (const { text, isFirst, isLast } of chunksIn(userMessage.parts[0].text)) {
      const artifact = { artifactId: 'chunks', name: 'chunks', parts: [{ text }] };
      const data = { taskId, contextId, artifact, append: !isFirst, lastChunk: isLast };
      bus.publish({ kind: 'artifactUpdate', data });
    }
    bus.publish({
      kind: 'statusUpdate',
      data: { taskId, contextId, status: status('TASK_STATE_COMPLETED') },
    });
  },
};
