/** Instances that die with tasks, and those that settle them. */
import type { RecordBody } from '../../server/sessions/records.ts';
import type { SessionManagerOptions } from '../../server/sessions/session-manager-options.ts';
import type { SessionStore } from '../../server/sessions/session-store.ts';
import { splitTaskId } from '../../server/sessions/session-ref.ts';
import { eventually } from '../helpers/eventually.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { readAll } from '../helpers/sessions.ts';
import { callOf, createService, messageOf, type Service } from './operations/service.ts';

export const DEAD_MS = 400;

const services: Service[] = [];

/** An instance that runs tasks, and reaps only when it is told to. */
export async function serve(
  store: SessionStore,
  over: Partial<SessionManagerOptions> = {},
  exclusive = false,
): Promise<Service> {
  const faulty = new FaultyStore(store, exclusive);
  const service = createService(faulty, undefined, { manager: { deadMs: DEAD_MS, ...over } });
  services.push(service);
  service.agent.script = (act) => act.aborted();
  await service.manager.start();
  return service;
}

/** After each test. Nothing is held any more. */
export async function closeAll(): Promise<void> {
  for (const { operations } of services) await operations.reaper.close();
  for (const { store, runner, manager } of services.splice(0)) {
    store.always(undefined);
    await runner.drain(0);
    await eventually(() => manager.stats.inUse === 0);
    await manager.close();
  }
}

/** One that was killed: its work here ends too. */
export async function bury(service: Service): Promise<void> {
  services.splice(services.indexOf(service), 1);
  await service.runner.drain(0);
  await service.manager.close();
}

/** As a process that is killed: it says and hears nothing more. */
export const kill = ({ store }: Service): void => {
  store.always('refuse');
};
/** Since when it may judge others. */
export const isJudge = ({ manager }: Service): Promise<boolean> => manager.liveness.isDead('never seen');

/** One that goes on until it is stopped. */
export async function running({ operations }: Service, tenant = 'acme', contextId?: string): Promise<string> {
  const call = callOf();
  const params = messageOf('go', contextId === undefined ? {} : { contextId }, { blocking: false });
  const principal = { ...call.principal, tenant };
  const { result } = await operations.sendMessage(params, { ...call, principal });
  if (result.kind !== 'task') throw new Error('a bare message');
  return result.view.task.id;
}

export async function recordsOf(store: SessionStore, id: string, tenant: string): Promise<RecordBody[]> {
  const sessionId = splitTaskId(id)?.sessionId ?? '';
  return (await readAll(store, { tenant, sessionId })).map(
    ({ json }) => JSON.parse(json ?? '{}') as RecordBody,
  );
}
export const endsIn = (records: readonly RecordBody[]): string[] =>
  records.flatMap((body) => (body.t === 'status' ? [body.state.replace('TASK_STATE_', '')] : []));
export const recoveriesOf = ({ logged }: Service): number =>
  logged.filter(({ event }) => event === 'task_recovered').length;
