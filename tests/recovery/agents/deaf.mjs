/**
 * Publishes a chunk every 50 ms in its first run, whatever happens to its signal, until it has been aborted for half a
 * second; a further run says three chunks and completes. What it notices stands in the file that NOTES names. With
 * RESUMABLE it is begun again when its instance is gone.
 */
import { appendFileSync } from 'node:fs';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';

const note = (line) => appendFileSync(process.env.NOTES, `${process.pid} ${line}\n`);

export const agent = {
  resumable: process.env.RESUMABLE === '1',
  async execute({ taskId, contextId, attempt, resumed, task, signal }, bus) {
    const chunk = (text) => {
      const data = { taskId, contextId, artifact: { artifactId: 'a', parts: [{ text }] }, append: true };
      bus.publish({ kind: 'artifactUpdate', data });
    };
    const status = (state) =>
      bus.publish({ kind: 'statusUpdate', data: { taskId, contextId, status: { state } } });
    note(`began ${attempt} resumed ${resumed} with ${task?.artifacts[0]?.parts.length ?? 0}`);
    if (attempt > 1) {
      for (let n = 0; n < 3; n += 1) chunk(`${attempt}.${n}`);
      status('TASK_STATE_COMPLETED');
      return;
    }
    signal.addEventListener('abort', () => note('aborted'));
    let left = 10;
    for (let n = 0; left > 0; n += 1) {
      chunk(`${attempt}.${n}`);
      await pause(50);
      if (signal.aborted) left -= 1;
    }
    status('TASK_STATE_COMPLETED');
    note('finished');
  },
};
