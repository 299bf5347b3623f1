import type { TaskView } from '../../../protocol/model.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import { readAll } from '../../helpers/sessions.ts';
import { type Act, ScriptedAgent } from './scripted-agent.ts';
import { callOf, createService, messageOf, type Service } from './service.ts';
import { closeAll } from './streaming.ts';

const REF = { tenant: 'default', sessionId: 'here' };
export const HERE = { contextId: 'here' };

/** Counts to five in chunks, and goes on where an earlier run of it was broken off. */
export async function count(act: Act, pause: (i: number) => Promise<void> | void): Promise<void> {
  const { session, taskId, contextId, signal } = act.context;
  for (let i = ((session.state.get('said') as number | undefined) ?? 0) + 1; i <= 5; i++) {
    await pause(i);
    if (signal.aborted) return;
    act.publish({
      kind: 'artifactUpdate',
      data: { taskId, contextId, artifact: { artifactId: 'a', parts: [{ text: `${i}` }] }, append: i > 1 },
    });
    session.state.set('said', i);
  }
  act.done();
}

export const get = async ({ operations }: Service, id: string): Promise<TaskView['task']> =>
  (await operations.getTask({ id }, callOf())).result.task;
export const texts = ({ artifacts }: TaskView['task']): string[] =>
  artifacts.map(({ parts }) => parts.map((part) => ('text' in part ? part.text : '?')).join(' '));

/** Instances on one store, with one agent that can be begun again. */
export interface Instances {
  readonly memory: MemorySessionStore;
  readonly agent: ScriptedAgent;
  /** One more of them: `i1`, `i2` … */
  serve(): Service;
  /** What is stored of the session `here`. */
  bodies(): Promise<RecordBody[]>;
  /** Begins a task in the session `here`. @returns its id, once its executor is at work */
  begun(service: Service): Promise<string>;
  /** It neither beats nor hears nor writes any more, as if it had been killed. */
  kill(service: Service): Promise<void>;
}

/** Call it in a `describe`. */
export function useInstances(): Instances {
  let memory: MemorySessionStore;
  let services: Service[];
  let agent: ScriptedAgent;
  beforeEach(() => {
    memory = new MemorySessionStore();
    agent = new ScriptedAgent();
    agent.resumable = true;
    services = [];
  });
  afterEach(async () => {
    await closeAll();
    for (const { store, runner, manager } of services) {
      store.always(undefined);
      store.release();
      await runner.drain(0);
      await manager.close();
    }
  });
  return {
    get memory() {
      return memory;
    },
    get agent() {
      return agent;
    },
    serve() {
      const service = createService(new FaultyStore(memory, false), `i${services.length + 1}`, { agent });
      services.push(service);
      return service;
    },
    bodies: async () =>
      (await readAll(memory, REF)).map(({ json }) => JSON.parse(json ?? '{}') as RecordBody),
    async begun({ operations }) {
      const before = agent.begun.length;
      const { result } = await operations.sendMessage(messageOf('go', HERE, { blocking: false }), callOf());
      await eventually(() => agent.begun.length > before);
      return result.kind === 'task' ? result.view.task.id : '';
    },
    async kill({ store, manager }) {
      store.always('refuse');
      await memory.leave(manager.instance);
    },
  };
}
