import { expect } from 'chai';
import type { JsonObject } from '../../protocol/units.ts';
import { eventually } from '../helpers/eventually.ts';
import { planted } from '../helpers/overheard.ts';
import { call, sendV1, V1 } from '../helpers/rpc.ts';
import { useLocalServers, useServerProcesses } from '../helpers/server.ts';
import { useReceiver } from '../integration/push/receiver.ts';
import { DURABLE_STORES } from './durable-stores.ts';

const CHUNKS = 3;

interface Update {
  readonly statusUpdate?: { readonly taskId: string; readonly status: { readonly state: string } };
  readonly artifactUpdate?: { readonly taskId: string };
}

const taskOf = ({ statusUpdate, artifactUpdate }: Update): string =>
  statusUpdate?.taskId ?? artifactUpdate?.taskId ?? '';
const wordOf = ({ statusUpdate }: Update): string => statusUpdate?.status.state ?? 'artifact';

for (const [name, useStore] of DURABLE_STORES) {
  describe(`webhooks after kill -9 and a restart, on ${name}`, () => {
    const processes = useServerProcesses();
    const startHere = useLocalServers();
    const receiver = useReceiver();
    const store = useStore();

    it('are told everything that was outstanding, each in order, and then nothing more', async () => {
      const env = {
        ...store.env,
        A2A_PUSH_ALLOW: receiver.it.origin,
        A2A_PUSH_TIMEOUT_SECONDS: '1',
        A2A_PUSH_MAX_TRIES: '100',
      };
      const inline = {
        taskPushNotificationConfig: { url: `${receiver.it.origin}/hook`, token: planted('push-token') },
      };
      const first = await processes.start(env, store.folder);
      receiver.it.reply = () => 503;
      const tasks: string[] = [];
      for (let i = 0; i < 5; i++) {
        const params: JsonObject = { ...sendV1(`m${i}`, `slow ${CHUNKS} 5`), configuration: inline };
        const { json } = await call(first.url, 'SendMessage', params, V1);
        tasks.push((json.result as { task: { id: string } }).task.id);
      }
      await eventually(() => receiver.it.received.length >= 5);
      await first.kill9();
      const refused = receiver.it.received.length;

      receiver.it.reply = () => 200;
      await startHere(env);
      const taken = (task: string): string[] =>
        receiver.it.received
          .slice(refused)
          .map(({ body }) => body as Update)
          .filter((update) => taskOf(update) === task)
          .map(wordOf);
      await eventually(() => {
        for (const task of tasks)
          expect(taken(task)).to.deep.equal(['TASK_STATE_WORKING', 'artifact', 'TASK_STATE_COMPLETED']);
      }, 20_000);
      const { length } = receiver.it.received;
      // It goes on, and what is told is told: another task is, those before are not.
      expect(length - refused).to.equal(3 * tasks.length);
      expect(
        receiver.it.received.every(
          ({ headers }) => headers['x-a2a-notification-token'] === planted('push-token'),
        ),
      ).to.equal(true);
    }).timeout(40_000);
  });
}
