import { toCommitRequest } from '../../../server/sessions/commit-request.ts';
import type { Outbox } from '../../../server/sessions/outbox.ts';
import { toDecided, type RecordBody } from '../../../server/sessions/records.ts';
import { Session } from '../../../server/sessions/session.ts';
import { refOf, userMessage } from '../../helpers/sessions.ts';

export const NOW = 1_000_000;

/** A session that is written record by record; time stands still. */
export class Written {
  session = new Session(refOf(), 'e1');
  #seq = 0;

  constructor(...bodies: readonly RecordBody[]) {
    this.add({ t: 'created', at: 1 }, { t: 'task', at: 1, task: 't1', by: 'i1.1' }, ...bodies);
  }

  add(...bodies: readonly RecordBody[]): this {
    for (const record of this.#decide(bodies))
      this.session.apply({ ...record, n: this.session.head + 1, skippable: false });
    return this;
  }

  #decide(bodies: readonly RecordBody[]) {
    return bodies.map((body) => toDecided({ instance: 'i1', seq: ++this.#seq }, body));
  }

  get outbox(): Outbox {
    const outbox = this.session.task('t1')?.outbox;
    if (outbox === undefined) throw new Error('the task has no webhooks');
    return outbox;
  }

  /** What webhook `id` is to be told, as record numbers. */
  due(id: string): number[] {
    const { webhooks, triggers } = this.outbox;
    const webhook = webhooks.get(id);
    if (webhook === undefined || webhook.parked) return [];
    return triggers.map(({ n }) => n).filter((n) => n > webhook.upTo);
  }

  /** What a commit of these says to the store about webhooks. */
  outboxIn(...bodies: readonly RecordBody[]): number | null | undefined {
    const batch = { instance: 'i1', intents: [], records: this.#decide(bodies) };
    const clock = { now: () => NOW, mono: () => 0 };
    return toCommitRequest({ clock }, this.session, batch, { kind: 'keep' }).outboxInMs;
  }
}

export const push = (id = 'w', task = 't1'): RecordBody => ({
  t: 'push',
  at: 2,
  task,
  id,
  config: { url: `https://example.com/${id}` },
});
export const unpush = (id = 'w'): RecordBody => ({ t: 'unpush', at: 2, task: 't1', id });
export const receipt = (over: Partial<Extract<RecordBody, { t: 'receipt' }>>): RecordBody => ({
  t: 'receipt',
  at: 2,
  task: 't1',
  id: 'w',
  ...over,
});
export const working = (text?: string): RecordBody => ({
  t: 'status',
  at: 3,
  task: 't1',
  state: 'TASK_STATE_WORKING',
  ...(text !== undefined && { message: userMessage(text) }),
});
export const completed: RecordBody = { t: 'status', at: 9, task: 't1', state: 'TASK_STATE_COMPLETED' };
export const artifact = (over: object = {}): RecordBody => ({
  t: 'artifact',
  at: 4,
  task: 't1',
  artifact: { artifactId: 'a', parts: [{ text: 'x' }] },
  ...over,
});
