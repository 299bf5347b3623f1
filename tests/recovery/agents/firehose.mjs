/**
 * `firehose N BYTES`: one artifact of N chunks of so many bytes, a turn of the event loop apart. `memory`: what the process
 * holds after a collection, in bytes; needs --expose-gc.
 */
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';

const text = ({ parts }) => parts.map((part) => part.text ?? '').join('');

function whatIsHeld() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

export const agent = {
  async execute(context, bus) {
    const { taskId, contextId } = context;
    const chunk = (body, append, lastChunk) => {
      const artifact = { artifactId: 'a', parts: [{ text: body }] };
      bus.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact, append, lastChunk } });
    };
    const [verb, count, bytes] = text(context.userMessage).split(' ');
    if (verb === 'memory') chunk(String(whatIsHeld()), false, true);
    else {
      for (let n = 0; n < Number(count); n += 1) {
        chunk(`${n} `.padEnd(Number(bytes), '.'), n > 0, n === Number(count) - 1);
        // As fast as they are stored, as an agent that awaits its model is slower still.
        if (n % 4 === 3) await setImmediate();
      }
    }
    const status = { state: 'TASK_STATE_COMPLETED', timestamp: new Date().toISOString() };
    bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status } });
  },
};
