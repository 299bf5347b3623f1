import { randomUUID } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../protocol/units.ts';
import { sendV01, sendV03, sendV1 } from '../../tests/helpers/rpc.ts';
import { Random } from '../recovery/random.ts';
import type { Reply, SoakClient } from './soak-client.ts';

/** What a session that comes and goes is known by at the moment. */
interface Slot {
  sessionId: string;
  /** Of the last message. */
  taskId: string | undefined;
}

class StoreAwayError extends Error {
  override readonly name = 'StoreAwayError';
}

type Act = (slot: Slot) => Promise<unknown>;

/** Of each hundred operations so many end the session and begin another one in its place. */
const LEAVES_PERCENT = 15;
/** The task, or all of its session, has expired: this is what that looks like from outside. */
const NOT_FOUND = -32001;
/** It had ended before the client came. */
const TOO_LATE: ReadonlySet<number> = new Set([NOT_FOUND, -32002, -32004]);
const HISTORY_SHOWN = 5;

const taskIdIn = (result: JsonObject | undefined): string | undefined => {
  const { task = result } = (result ?? {}) as { task?: JsonObject };
  return task?.['id'] as string | undefined;
};

/** Everything that clients do, mixed, over so many sessions that come and go. */
export class Traffic {
  /** Operation -> how often it was done. */
  readonly done = new Map<string, number>();
  /** What was answered as it should not be, at most a few of it; how often in {@link failed}. */
  readonly faults: string[] = [];
  failed = 0;
  /** Answered with the advice to come again, because the store had not answered in time. */
  refused = 0;
  readonly #client: SoakClient;
  readonly #hook: string;
  readonly #slots: Slot[];
  readonly #random: Random;
  readonly #run = randomUUID().slice(0, 8);
  #made = 0;
  readonly #acts: readonly (readonly [weight: number, name: string, act: Act])[];
  readonly #weight: number;

  /** @param hook where webhooks are received */
  constructor(client: SoakClient, hook: string, sessions: number, seed: number) {
    this.#client = client;
    this.#hook = hook;
    this.#random = new Random(seed);
    this.#slots = Array.from({ length: sessions }, () => this.#freshSlot());
    this.#acts = [
      [40, 'send', (slot) => this.#send(slot, this.#text())],
      [6, 'send of 0.3', (slot) => this.#sendOf('0.3', slot, 'message/send', sendV03)],
      [4, 'send of 0.1', (slot) => this.#sendOf(null, slot, 'tasks/send', sendV01)],
      [10, 'send without a session', () => this.#send({ sessionId: '', taskId: undefined }, this.#text())],
      [1, 'large answer', (slot) => this.#send(slot, 'big 50000')],
      [2, 'recall', (slot) => this.#send(slot, 'recall')],
      [3, 'question', (slot) => this.#question(slot)],
      [6, 'stream', (slot) => this.#stream(slot, Infinity)],
      [4, 'stream left', (slot) => this.#stream(slot, 2)],
      [3, 'stream resumed', (slot) => this.#resume(slot)],
      [12, 'get', (slot) => this.#get(slot)],
      [2, 'list', (slot) => this.#list(slot)],
      [4, 'cancel', (slot) => this.#cancel(slot)],
      [3, 'webhook', (slot) => this.#webhook(slot)],
    ];
    this.#weight = this.#acts.reduce((sum, [weight]) => sum + weight, 0);
  }

  get count(): number {
    return [...this.done.values()].reduce((sum, times) => sum + times, 0);
  }

  /** One operation in a session chosen at random. Never rejects. */
  async one(): Promise<void> {
    const slot = this.#slots[this.#random.below(this.#slots.length)] ?? this.#freshSlot();
    if (this.#random.below(100) < LEAVES_PERCENT) Object.assign(slot, this.#freshSlot());
    const [, name, act] = this.#pick();
    // A session may end while others still work with it.
    const session = { ...slot };
    try {
      await act(session);
      if (slot.sessionId === session.sessionId) slot.taskId = session.taskId;
    } catch (error) {
      if (error instanceof StoreAwayError) {
        this.refused += 1;
        return;
      }
      this.failed += 1;
      if (this.faults.length < 10) this.faults.push(`${name}: ${String(error)}`);
    }
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  #pick(): readonly [number, string, Act] {
    let at = this.#random.below(this.#weight);
    return this.#acts.find(([weight]) => (at -= weight) < 0) ?? this.#acts[0]!;
  }

  #freshSlot(): Slot {
    return { sessionId: `${this.#run}-${++this.#made}`, taskId: undefined };
  }

  #text(): string {
    return 'a message of some length '.repeat(1 + this.#random.below(12));
  }

  async #ask(
    method: string,
    params: JsonValue,
    may: ReadonlySet<number> = new Set(),
    version: string | null = '1.0',
  ): Promise<Reply> {
    const reply = await this.#client.call(version ?? undefined, method, params);
    const { error } = reply;
    if (error !== undefined && JSON.stringify(error).includes('google.rpc.RetryInfo'))
      throw new StoreAwayError(method);
    if (error !== undefined && !may.has(error.code))
      throw new Error(`${method} was answered ${error.code} ${error.message}`);
    return reply;
  }

  #say(slot: Slot, text: string): JsonObject {
    return sendV1(randomUUID(), text, slot.sessionId === '' ? undefined : slot.sessionId);
  }

  async #send(slot: Slot, text: string, configuration: JsonObject = {}): Promise<string> {
    const { result } = await this.#ask('SendMessage', { ...this.#say(slot, text), configuration });
    const taskId = taskIdIn(result);
    if (taskId === undefined) throw new Error(`a send was answered ${JSON.stringify(result)}`);
    slot.taskId = taskId;
    return taskId;
  }

  async #sendOf(version: string | null, slot: Slot, method: string, params: typeof sendV03): Promise<void> {
    const said = params(randomUUID(), this.#text(), slot.sessionId);
    const { result } = await this.#ask(method, said, new Set(), version);
    if (taskIdIn(result) === undefined) throw new Error(`${method} was answered ${JSON.stringify(result)}`);
  }

  /** The agent asks back, and is answered. */
  async #question(slot: Slot): Promise<void> {
    const taskId = await this.#send(slot, 'input');
    const { message } = this.#say(slot, this.#text()) as { message: JsonObject };
    await this.#ask('SendMessage', { message: { ...message, taskId } });
  }

  /** @param leaveAfter so many events */
  async #stream(slot: Slot, leaveAfter: number): Promise<[taskId: string, cursor: string]> {
    let events = 0;
    let cursor = '';
    let taskId: string | undefined;
    for await (const [result, id] of this.#client.stream(
      'SendStreamingMessage',
      this.#say(slot, 'slow 5 20'),
    )) {
      if (events === 0) taskId = taskIdIn(result);
      cursor = id;
      events += 1;
      if (events >= leaveAfter) break;
    }
    if (events < Math.min(leaveAfter, 7)) throw new Error(`a stream ended after ${events} events`);
    slot.taskId = taskId;
    return [taskId ?? '', cursor];
  }

  async #resume(slot: Slot): Promise<void> {
    const [taskId, cursor] = await this.#stream(slot, 3);
    let last = '';
    for await (const [, id] of this.#client.stream('SubscribeToTask', { id: taskId }, cursor)) last = id;
    if (last === '') throw new Error('a resumed stream told nothing');
  }

  async #get(slot: Slot): Promise<void> {
    const id = slot.taskId ?? (await this.#send(slot, this.#text()));
    const { error } = await this.#ask('GetTask', { id, historyLength: HISTORY_SHOWN }, new Set([NOT_FOUND]));
    if (error !== undefined) slot.taskId = undefined;
  }

  async #list({ sessionId }: Slot): Promise<void> {
    await this.#ask('ListTasks', { contextId: sessionId, pageSize: 10 });
  }

  async #cancel(slot: Slot): Promise<void> {
    const id = await this.#send(slot, 'slow 20 50', { returnImmediately: true });
    await this.#ask('CancelTask', { id }, TOO_LATE);
  }

  async #webhook(slot: Slot): Promise<void> {
    const taskPushNotificationConfig = { url: this.#hook };
    const taskId = await this.#send(slot, 'slow 3 20', {
      returnImmediately: true,
      taskPushNotificationConfig,
    });
    const { result } = await this.#ask('CreateTaskPushNotificationConfig', { taskId, url: this.#hook });
    const id = (result?.['id'] ?? '') as string;
    await this.#ask('GetTaskPushNotificationConfig', { taskId, id });
    await this.#ask('DeleteTaskPushNotificationConfig', { taskId, id });
  }
}
