import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { newId, say, taskIn } from '../conformance/said.ts';
import { type Frame, Wire } from '../conformance/wire.ts';
import { useServer } from '../helpers/server.ts';

const TASKS = 10;

/** Streams that begin at different moments between two looks at what runs, each to its end. */
function streamsOf(client: Wire, text: string): Promise<string[]> {
  const one = async (n: number): Promise<string> => {
    await pause(n * 55);
    const frames: Frame[] = await (
      await client.stream('SendStreamingMessage', say(text, { contextId: newId() }))
    ).rest();
    const { statusUpdate, task } = (frames.at(-1)?.result ?? {}) as Record<
      string,
      { status: { state: string } } | undefined
    >;
    expect(taskIn(frames[0]?.result ?? {}).id).not.to.equal('');
    return (statusUpdate ?? task)?.status.state ?? 'ends without a status';
  };
  return Promise.all(Array.from({ length: TASKS }, (_, n) => one(n)));
}

describe('a stream of a task that is silent for longer than its session lives', function () {
  this.timeout(30_000);

  describe('when writes renew it', () => {
    const server = useServer(() => ({}), { A2A_SESSION_TTL_SECONDS: '1' });

    it('goes on to its end, because a running task holds its session', async () => {
      const states = await streamsOf(new Wire(() => server.url, 'v1'), 'slow 2 4000');
      expect(states).to.deep.equal(Array<string>(TASKS).fill('TASK_STATE_COMPLETED'));
    });
  });

  describe('when nothing renews it', () => {
    const server = useServer(() => ({}), {
      A2A_SESSION_TTL_SECONDS: '1',
      A2A_SESSION_TTL_REFRESH: 'fixed',
    });

    it('is told that the task has failed before the session goes', async () => {
      const states = await streamsOf(new Wire(() => server.url, 'v1'), 'slow 2 4000');
      expect(states).to.deep.equal(Array<string>(TASKS).fill('TASK_STATE_FAILED'));
    });
  });
});
