import { expect } from 'chai';
import type { SendParams } from '../../../protocol/model.ts';
import type { CallContext } from '../../../server/a2a/call.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { FaultyStore } from '../../helpers/faulty-store.ts';
import { callOf, createService, type Service } from './service.ts';
import { StreamReader } from './stream-reader.ts';

export type Spoken = CallContext['dialect'];

const services: Service[] = [];
const readers: StreamReader[] = [];

/** Without its doors; {@link closeAll} closes it. */
export async function serve(store?: FaultyStore, instance?: string): Promise<Service> {
  const service = createService(store, instance);
  services.push(service);
  await service.manager.start();
  return service;
}

/** After each test. Whatever was done to them, no stream and no session is held any more. */
export async function closeAll(): Promise<void> {
  await Promise.all(readers.splice(0).map((reader) => reader.leave()));
  for (const { store, runner, manager, operations } of services.splice(0)) {
    store.always(undefined);
    store.release();
    await runner.drain(0);
    await eventually(() => manager.stats.inUse === 0);
    expect(operations.streams.size).to.equal(0);
    await manager.close();
  }
}

export function read(answer: StreamReader['answer']): StreamReader {
  const reader = new StreamReader(answer);
  readers.push(reader);
  return reader;
}

export const stream = async (
  { operations }: Service,
  params: SendParams,
  dialect: Spoken = 'v1',
): Promise<StreamReader> => read(await operations.sendStreamingMessage(params, callOf(dialect)));

export async function subscribe(
  { operations }: Service,
  id: string,
  lastEventId?: string,
  call: CallContext = callOf(),
): Promise<StreamReader> {
  const at = lastEventId === undefined ? {} : { lastEventId };
  return read(await operations.subscribeToTask({ id }, { ...call, ...at }));
}

/** The task with which a stream began, as its client names it. */
export function idOf({ frames }: StreamReader, dialect: Spoken = 'v1'): string {
  const event = frames[0]?.event;
  if (event?.kind !== 'task') throw new Error('does not begin with a task');
  return dialect === 'v01' ? (event.view.alias ?? '') : event.view.task.id;
}
