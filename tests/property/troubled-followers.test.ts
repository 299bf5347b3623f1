/**
 * Followers while everything happens to a session that can: two instances begin it under one id, commits fail, hang, and
 * run late, some of what is decided must be stored and some ends the task, the session is removed and begun anew, and the
 * store goes back. What each was told has to be what a client makes the task of. HOLDFAST_SEED repeats one.
 */
import { expect } from 'chai';
import type { LiveSession } from '../../server/sessions/live-session.ts';
import { toDecided, type RecordBody } from '../../server/sessions/records.ts';
import { FaultyStore, type Fault } from '../helpers/faulty-store.ts';
import { createRewindableStore } from '../helpers/rewindable-store.ts';
import { begin, createTestManager, opened, readAll, refOf } from '../helpers/sessions.ts';
import { Client, toChunk, wordOf, wordsOf, type Instance } from './model/client.ts';
import { Random } from './model/random.ts';

const RUNS = 150;
const STEPS = 110;
const FAULTS: readonly Fault[] = ['refuse', 'lose', 'late', 'hang', 'hold'];

class Play {
  readonly random: Random;
  readonly rewindable = createRewindableStore();
  readonly instances: Instance[] = [];
  clients: Client[] = [];
  readonly changes: Promise<unknown>[] = [];
  /** Words of changes that are never acknowledged from memory: they are told when they turn out to be stored. */
  readonly strict = new Set<string>();
  readonly seen: Record<string, number> = {};
  #count = 0;
  /** What was told may be nowhere now. */
  hasLost = false;
  hasLeft = false;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  note(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  async open(): Promise<void> {
    const { random } = this;
    const isAway = random.chance(0.3);
    for (const name of ['i1', 'i2']) {
      const store = new FaultyStore(this.rewindable.store, false);
      store.lateBy = () => undefined;
      if (isAway) store.always('refuse');
      const test = createTestManager(store, { instance: name });
      const session = await opened(test.manager, refOf(), 'create').catch(() =>
        opened(test.manager, refOf(), 'new'),
      );
      this.instances.push({ name, store, test, session });
    }
    for (const at of this.instances) this.begin(at);
    await new Promise(setImmediate);
  }

  begin(at: Instance): void {
    const task = `t${at.name}-${this.#count++}`;
    this.#change(at, begin(task, task));
  }

  #change(at: Instance, decide: Parameters<LiveSession['change']>[0], mustStore = false): void {
    this.changes.push(at.session.change(decide, { mustStore }).catch(() => undefined));
  }

  async step(): Promise<void> {
    const { random } = this;
    const at = random.oneOf(this.instances);
    const dice = random.below(100);
    if (dice < 34) this.write(at);
    else if (dice < 36) {
      if (random.chance(0.3)) this.takeUp(at);
      else this.begin(at);
    } else if (dice < 58) await this.pull();
    else if (dice < 66) this.join(at);
    else if (dice < 77) await this.comeBack(at);
    else if (dice < 84) this.breakStore(at);
    else if (dice < 90) this.repairStore(at);
    else if (dice < 94) await at.test.manager.catchUp(at.session);
    else if (dice < 97) this.changes.push(at.session.replay());
    else if (dice < 98) this.end(at);
    else if (random.chance(0.5)) await this.remove(at);
    else await this.goBack();
    at.test.clock.advance(random.below(120));
    if (random.chance(0.5)) await new Promise(setImmediate);
  }

  /** A process that is gone has left something. */
  takeUp(at: Instance): void {
    const task = this.taskIn(at);
    if (this.hasLeft || task === undefined || !at.session.journal.session.exists) return;
    this.hasLeft = true;
    const changes = [1, 2, 3].map((seq) => {
      const body = toChunk(`i0-${this.#count++}`, task, at.test.clock.now());
      return {
        records: [toDecided({ instance: 'i0', seq }, body)],
        since: at.test.clock.mono(),
        slides: true,
      };
    });
    at.session.takeUp(changes);
    this.note('taken up');
  }

  taskIn(at: Instance): string | undefined {
    const tasks = [...at.session.view.tasks()].map(({ local }) => local);
    return tasks.length === 0 ? undefined : this.random.oneOf(tasks);
  }

  write(at: Instance): void {
    const task = this.taskIn(at);
    if (task === undefined) return;
    const mustStore = this.random.chance(0.25);
    const words = Array.from({ length: 1 + this.random.below(3) }, () => `${at.name}-${this.#count++}`);
    if (mustStore) for (const word of words) this.strict.add(word);
    this.#change(at, (_draft, moment) => words.map((text) => toChunk(text, task, moment)), mustStore);
  }

  end(at: Instance): void {
    const task = this.taskIn(at);
    if (task === undefined) return;
    const text = `${at.name}-${this.#count++}`;
    const message = { messageId: text, role: 'ROLE_AGENT' as const, parts: [{ text }] };
    const mustStore = this.random.chance(0.5);
    if (mustStore) this.strict.add(text);
    this.#change(
      at,
      (_, moment) => [{ t: 'status', at: moment, task, state: 'TASK_STATE_COMPLETED', message }],
      mustStore,
    );
    this.note('ended');
  }

  join(at: Instance): void {
    const task = this.taskIn(at);
    if (task !== undefined) this.clients.push(new Client(at, task));
  }

  #anyClient(): Client | undefined {
    this.clients = this.clients.filter(({ isOver }) => !isOver);
    return this.clients.length === 0 ? undefined : this.random.oneOf(this.clients);
  }

  async pull(): Promise<void> {
    const how = await this.#anyClient()?.pull();
    if (how === 'reset') this.note('began anew in the middle');
  }

  async comeBack(at: Instance): Promise<void> {
    const client = this.#anyClient();
    if (client === undefined || client.isBound) return;
    await at.test.manager.catchUp(at.session);
    // Whoever is told that there is none begins with what there is elsewhere.
    if (at.session.view.task(client.task) === undefined) return;
    const cursor = client.comeBack(at, this.random.below(client.told.length + 1));
    const how = await client.pull();
    this.note(
      `came back ${cursor.includes('~-.') ? 'vaguely' : cursor.includes('~') ? 'ahead' : 'plainly'}: ${how}`,
    );
    if (cursor.includes('~-.')) expect(how, cursor).to.be.oneOf(['reset', 'over']);
  }

  breakStore(at: Instance): void {
    const { random } = this;
    if (random.chance(0.6)) at.store.once('commit', random.oneOf(FAULTS));
    else if (random.chance(0.5)) at.store.always(random.oneOf(['refuse', 'late'] as const));
    else at.test.away = true;
  }

  repairStore(at: Instance): void {
    at.test.away = false;
    at.store.always(undefined);
    at.store.release();
    void at.store.runLate();
  }

  async remove(at: Instance): Promise<void> {
    const isRemoved = await at.test.manager.remove(refOf()).catch(() => false);
    if (isRemoved) this.note('removed');
    this.hasLost ||= isRemoved;
    this.begin(at);
  }

  async goBack(): Promise<void> {
    const { taken } = this.rewindable;
    if (this.random.chance(0.5) || taken < 3) return;
    this.note('went back');
    this.hasLost = true;
    // A cursor from before names other records now: whoever comes back with one cannot be told apart.
    for (const client of this.clients) client.isBound = true;
    await this.rewindable.goBack(taken - 1 - this.random.below(2));
    for (const at of this.instances) {
      this.repairStore(at);
      // A commit that was under way may be said to be stored only now.
      for (let i = 0; i < 3; i += 1) {
        await at.test.manager.catchUp(at.session);
        await new Promise(setImmediate);
      }
    }
  }

  async settle(): Promise<void> {
    for (let round = 0; round < 20; round += 1) {
      for (const at of this.instances) {
        this.repairStore(at);
        await at.store.runLate();
        at.test.clock.advance(2_000);
        await at.session.replay();
        await at.test.manager.catchUp(at.session);
      }
    }
    await Promise.all(this.changes);
    for (const at of this.instances) await at.test.manager.catchUp(at.session);
  }

  async judge(): Promise<string[]> {
    const wrong: string[] = [];
    const records = await readAll(this.rewindable.store);
    const refused = new Set<string>();
    for (const { json } of records) {
      const body = JSON.parse(json ?? '{}') as RecordBody;
      if (body.t === 'refused') refused.add(wordOf(body.record) ?? '');
    }
    for (const client of this.clients) {
      for (let i = 0; i < 100 && !client.isOver; i += 1) {
        const how = await client.pull();
        if (how === 'reset' && !this.hasLost && !this.hasLeft)
          wrong.push(
            `had to begin anew although everything was settled: ${client.at.name} ${client.task} ${client.told.at(-1)?.cursor ?? client.shown.cursor}`,
          );
        if (how === 'nothing') break;
      }
      if (client.isOver) continue;
      const { session } = client.at;
      const stored = wordsOf(session.view, client.task);
      const all = client.words;
      const say = (what: string): unknown =>
        wrong.push(
          `${what}: shown ${client.shown.words.join(' ')}, told ${client.told.map(({ word, cursor }) => `${word}@${cursor}`).join(' ')}; ` +
            `stored ${stored.join(' ')}, refused ${[...refused].join(' ')}`,
        );
      if (new Set(all).size !== all.length) say('twice');
      if (stored.some((word) => !all.includes(word))) say('lost');
      const extra = all.filter((word) => !stored.includes(word) && !refused.has(word));
      if (extra.length > 0 && !this.hasLost) say(`never stored ${extra.join(' ')}`);
      if (!client.sawDeferred && all.join() !== stored.join()) say('another order');
      for (const name of ['i0', 'i1', 'i2']) {
        const own = client.told.filter(({ word }) => word.startsWith(name) && !this.strict.has(word));
        const indices = own.map(({ word }) => Number(word.slice(3)));
        if (indices.some((index, i) => index < (indices[i - 1] ?? -1))) say(`${name} out of order`);
      }
      this.note(client.sawDeferred ? 'judged, from memory' : 'judged');
    }
    return wrong;
  }

  async close(): Promise<void> {
    for (const { follower } of this.clients) follower.close();
    for (const { test, session } of this.instances) {
      test.manager.release(session);
      await test.manager.close();
    }
  }
}

describe('followers while everything happens to a session that can', () => {
  const given = process.env['HOLDFAST_SEED'];
  const first = given === undefined ? Date.now() % 1_000_000 : Number(given);

  it('are told every event once and in order, or begin anew', async function () {
    this.timeout(60_000);
    const seen: Record<string, number> = {};
    for (let run = 0; run < (given === undefined ? RUNS : 1); run += 1) {
      const play = new Play(first + run);
      try {
        await play.open();
        for (let i = 0; i < STEPS; i += 1) await play.step();
        await play.settle();
        expect(await play.judge()).to.deep.equal([]);
      } catch (error) {
        (error as Error).message += ` (HOLDFAST_SEED=${first + run})`;
        throw error;
      } finally {
        await play.close();
      }
      for (const [what, count] of Object.entries(play.seen)) seen[what] = (seen[what] ?? 0) + count;
    }
    if (given !== undefined) return;
    // What it is about has happened.
    const happened = (what: string): unknown => expect(seen[what], what).to.be.above(5);
    for (const what of ['ended', 'removed', 'went back', 'taken up', 'began anew in the middle', 'judged'])
      happened(what);
    for (const how of ['vaguely: reset', 'ahead: told', 'ahead: reset', 'plainly: told'])
      happened(`came back ${how}`);
    expect(seen['judged, from memory']).to.be.above(RUNS);
  });
});
