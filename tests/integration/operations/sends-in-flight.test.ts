import { expect } from 'chai';
import type { SendParams } from '../../../protocol/model.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { answered } from './answered-sends.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';

describe('a send that comes while the same one is being answered', () => {
  let service: Service;
  beforeEach(() => {
    service = createService(new FaultyStore(new MemorySessionStore(), false));
  });
  afterEach(async () => {
    service.store.always(undefined);
    service.store.release();
    await service.runner.drain(0);
    await service.manager.close();
  });

  for (const [what, params, dialect] of [
    ['without a session', messageOf('go'), 'v1'],
    ['with a session', messageOf('go', { contextId: 'here' }), 'v1'],
    ['with a 0.1 id', messageOf('go', {}, { clientTaskId: 't' }), 'v01'],
  ] as [string, SendParams, 'v1' | 'v01'][]) {
    for (const before of [0, 1, 2]) {
      it(`${what} is no other one, however long the store is asked about it (${before} were answered before)`, async () => {
        const { operations, store, agent } = service;
        for (let n = 0; n < before; n += 1) await answered(service, params, callOf(dialect));
        await eventually(() => agent.begun.length === before);
        const first = await operations.sendMessage(params, callOf(dialect));
        store.always('hold', 'read');
        const second = answered(service, params, callOf(dialect));
        await eventually(() => store.hanging > 0);
        first.delivered?.();
        await service.manager.marks.flush();
        store.always(undefined);
        store.release();
        const { result } = first;
        expect(await second).to.equal(result.kind === 'task' ? result.view.task.id : '');
        expect(agent.begun).to.have.length(before + 1);
        // The next one is.
        expect(await answered(service, params, callOf(dialect))).to.not.equal(await second);
        expect(agent.begun).to.have.length(before + 2);
      });
    }
  }
});
