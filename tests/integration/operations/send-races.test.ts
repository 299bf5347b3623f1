import { expect } from 'chai';
import type { Dialect, SendParams } from '../../../protocol/model.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { DIALECTS } from './conversation.ts';
import { ScriptedAgent } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

describe('identical sends on two instances', () => {
  let memory: MemorySessionStore;
  let agent: ScriptedAgent;
  let services: Service[];
  beforeEach(() => {
    memory = new MemorySessionStore();
    agent = new ScriptedAgent();
    services = [1, 2].map(() => createService(new FaultyStore(memory, false), undefined, { agent }));
  });
  afterEach(async () => {
    for (const { runner, manager } of services) {
      await runner.drain(0);
      await manager.close();
    }
  });

  const send = async ({ operations, manager }: Service, params: SendParams, dialect: Dialect) => {
    const { result, delivered } = await operations.sendMessage(structuredClone(params), callOf(dialect));
    delivered?.();
    await manager.marks.flush();
    return result.kind === 'task' ? result.view.task.id : 'a message';
  };

  for (const dialect of DIALECTS) {
    for (const [where, over] of [
      ['without a session', {}],
      ['with a session', { contextId: 'here' }],
    ] as const) {
      it(`are one task in ${dialect} ${where}, also those that were decided behind one that lost the race`, async () => {
        const [winner, loser] = services as [Service, Service];
        const params = messageOf('go', over, dialect === 'v01' ? { clientTaskId: 't' } : {});
        loser.store.once('commit', 'hang');
        const late = [1, 2, 3].map(() => send(loser, params, dialect));
        await eventually(() => loser.store.hanging === 1);
        const first = (await winner.operations.sendMessage(structuredClone(params), callOf(dialect))).result;
        const id = first.kind === 'task' ? first.view.task.id : '';
        loser.store.release();
        expect(await Promise.all(late)).to.deep.equal([id, id, id]);
        expect(agent.begun).to.have.length(1);
      });

      it(`are answered in ${dialect} ${where}, each with a task that there is, after they were answered before`, async () => {
        const params = messageOf('go', over, dialect === 'v01' ? { clientTaskId: 't' } : {});
        for (let round = 0; round < 3; round++) {
          const ids = await Promise.all(
            Array.from({ length: 10 }, (_, i) => send(services[i % 2] as Service, params, dialect)),
          );
          for (const id of ids) expect(id).to.match(/./);
        }
      });
    }
  }
});
