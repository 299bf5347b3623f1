/**
 * `count N MS`: one artifact of N chunks, MS ms apart. Can be resumed: it goes on behind the chunks that its task has, and
 * remembers in its session which attempts have begun. What ends it early is noted in the file that NOTES names.
 */
import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

const text = ({ parts }) => parts.map((part) => part.text ?? '').join('');
const note = (line) => {
  if (process.env.NOTES !== undefined) appendFileSync(process.env.NOTES, `${line} ${Date.now()}\n`);
};

export const agent = {
  resumable: true,
  async execute(context, bus) {
    const { taskId, contextId, task, attempt, signal, session } = context;
    const [, count, ms] = text(context.userMessage).split(' ').map(Number);
    const key = `attempts.${taskId}`;
    session.state.set(key, [...(session.state.get(key) ?? []), attempt]);
    const artifact = (parts) => ({ artifactId: 'count', parts });
    const told = task?.artifacts.find(({ artifactId }) => artifactId === 'count')?.parts.length ?? 0;
    try {
      for (let n = told; n < count; n += 1) {
        const data = { taskId, contextId, artifact: artifact([{ text: `chunk ${n}` }]), append: n > 0 };
        bus.publish({ kind: 'artifactUpdate', data: { ...data, lastChunk: n === count - 1 } });
        await pause(ms, undefined, { signal });
      }
    } catch (error) {
      note('aborted');
      throw error;
    }
    const attempts = { artifactId: 'attempts', parts: [{ text: session.state.get(key).join(' ') }] };
    bus.publish({ kind: 'artifactUpdate', data: { taskId, contextId, artifact: attempts } });
    const status = { state: 'TASK_STATE_COMPLETED', timestamp: new Date().toISOString() };
    bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status } });
  },
};
