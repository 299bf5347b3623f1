/**
 * Random interleavings of what two instances write, outages of the store, and followers that come, go and come back at
 * any place where they were before. HOLDFAST_SEED repeats one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { formatPosition } from '../../server/sessions/feed-position.ts';
import type { JournalFollower } from '../../server/sessions/journal-feed.ts';
import type { LiveSession } from '../../server/sessions/live-session.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import { chunk, cursorOf, tellAll, wordOf } from '../helpers/following.ts';
import { begin, createTestManager, opened, readAll, type TestManager } from '../helpers/sessions.ts';
import { Random } from './model/random.ts';

const RUNS = 300;
const STEPS = 120;
/** A run takes some milliseconds: one that takes this long has got stuck, and is to be named. */
const STUCK_MS = 15_000;

interface Instance {
  readonly name: string;
  readonly store: FaultyStore;
  readonly test: TestManager;
  session: LiveSession;
  wrote: number;
}

/** One client: what it was shown at first, and what it was told since, with its cursors. */
class Client {
  at: Instance;
  follower: JournalFollower;
  shown: readonly string[];
  readonly told: { word: string; cursor: string }[] = [];
  /** It was told something before that was stored. */
  sawDeferred = false;

  constructor(at: Instance) {
    this.at = at;
    this.follower = at.session.follow('t1');
    this.shown = chunksOf(at.session);
    this.sawDeferred = this.follower.position.deferred !== undefined;
  }

  /** @returns whether it had to begin anew */
  async pull(): Promise<boolean> {
    const pulled = await this.follower.pull();
    if (pulled.kind === 'gone') throw new Error('the session is not gone');
    if (pulled.kind === 'entries') {
      for (const { body, position } of pulled.entries) {
        this.told.push({ word: wordOf(body), cursor: formatPosition(position) });
        if (position.deferred !== undefined) this.sawDeferred = true;
      }
    }
    if (pulled.kind !== 'reset') return false;
    this.beginAnew();
    return true;
  }

  beginAnew(): void {
    this.follower.restart();
    this.shown = chunksOf(this.at.session);
    this.told.length = 0;
    this.sawDeferred = this.follower.position.deferred !== undefined;
  }

  /** Comes back, here or elsewhere, at a place where it was, as if it had not heard what came after. */
  comeBack(at: Instance, keep: number): string {
    this.follower.close();
    this.told.length = keep;
    const cursor = this.told[keep - 1]?.cursor ?? '';
    this.at = at;
    this.follower = at.session.follow('t1', cursorOf(cursor));
    return cursor;
  }
}

const chunksOf = (session: LiveSession): string[] =>
  [...(session.view.task('t1')?.artifacts.entries() ?? [])].flatMap(([, { parts }]) =>
    [...parts].map((part) => ('text' in part ? part.text : '?')),
  );

class Play {
  readonly random: Random;
  readonly instances: Instance[] = [];
  readonly clients: Client[] = [];
  readonly changes: Promise<unknown>[] = [];
  resumed = 0;
  beganAnew = 0;
  fromMemory = 0;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  async open(): Promise<void> {
    const inner = new MemorySessionStore();
    for (const name of ['i1', 'i2']) {
      const store = new FaultyStore(inner, false);
      store.lateBy = () => undefined;
      const test = createTestManager(store, { instance: name });
      if (name === 'i1') {
        const first = await opened(test.manager);
        await first.change(begin('t1', 'hello'));
      }
      const session = await opened(test.manager);
      this.instances.push({ name, store, test, session, wrote: 0 });
    }
  }

  async step(): Promise<void> {
    const { random } = this;
    const at = random.oneOf(this.instances);
    const dice = random.below(100);
    if (dice < 35) this.write(at);
    else if (dice < 60) await this.pull();
    else if (dice < 68) this.clients.push(new Client(at));
    else if (dice < 80) await this.comeBack(at);
    else if (dice < 86) this.breakStore(at);
    else if (dice < 91) this.repairStore(at);
    else if (dice < 95) await at.test.manager.catchUp(at.session);
    else if (dice < 98) this.changes.push(at.session.replay());
    else this.clients.splice(random.below(this.clients.length), 1)[0]?.follower.close();
    at.test.clock.advance(random.below(120));
    if (random.chance(0.5)) await new Promise(setImmediate);
  }

  write(at: Instance): void {
    const text = `${at.name}-${at.wrote++}`;
    this.changes.push(at.session.change(chunk(text)).catch(() => undefined));
  }

  async pull(): Promise<void> {
    if (this.clients.length === 0) return;
    const client = this.random.oneOf(this.clients);
    expect(await client.pull(), 'has to begin anew in the middle').to.equal(false);
  }

  async comeBack(at: Instance): Promise<void> {
    if (this.clients.length === 0) return;
    const client = this.random.oneOf(this.clients);
    if (client.told.length === 0) return;
    await at.test.manager.catchUp(at.session);
    const cursor = client.comeBack(at, 1 + this.random.below(client.told.length));
    this.resumed += 1;
    if (!(await client.pull())) return;
    this.beganAnew += 1;
    const { n, deferred } = cursorOf(cursor);
    const isElsewhere = deferred !== undefined && deferred.instance !== at.name;
    // Nothing else may make it begin anew: what it has seen is not known there yet.
    expect(isElsewhere || n > at.session.view.head, `begins anew at ${cursor}`).to.equal(true);
  }

  breakStore(at: Instance): void {
    const { random } = this;
    if (random.chance(0.5)) at.store.once('commit', random.oneOf(['refuse', 'lose', 'late', 'hang', 'hold']));
    else at.store.always(random.oneOf(['refuse', 'late']), 'commit');
  }

  repairStore(at: Instance): void {
    at.store.always(undefined);
    at.store.release();
    void at.store.runLate();
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

  /** What is wrong with what the clients were told. */
  async judge(): Promise<string[]> {
    const stored = await readAll(this.instances[0]!.store);
    const journal = stored.flatMap(({ json }) => {
      const body = JSON.parse(json ?? '{}') as { t: string; is?: string[] };
      return body.t === 'chunk' ? [body.is?.[4] ?? '?'] : [];
    });
    const wrong: string[] = [];
    for (const client of this.clients) {
      while ((await client.follower.pull()).kind !== 'entries') throw new Error('cannot be pulled');
    }
    for (const client of this.clients) {
      const words = client.told.map(({ word }) => word);
      const all = [...client.shown, ...words];
      const say = (what: string): unknown =>
        wrong.push(
          `${what}: shown ${client.shown.join(' ')}, told ${words.join(' ')}; stored ${journal.join(' ')}`,
        );
      if (new Set(all).size !== all.length) say('twice');
      if ([...all].sort().join() !== [...journal].sort().join()) say('lost');
      if (!client.sawDeferred && all.join() !== journal.join()) say('another order');
      for (const { name } of this.instances) {
        const own = words.filter((word) => word.startsWith(name)).map((word) => Number(word.slice(3)));
        if (own.some((index, i) => index < (own[i - 1] ?? -1))) say(`${name} out of order`);
      }
      if (client.sawDeferred) this.fromMemory += 1;
    }
    return wrong;
  }

  close(): void {
    for (const { follower } of this.clients) follower.close();
  }
}

describe('followers that come and go while two instances write and the store fails', () => {
  const given = process.env['HOLDFAST_SEED'];
  const first = given === undefined ? Date.now() % 1_000_000 : Number(given);

  it('are told every event once, wherever and whenever they go on', async function () {
    this.timeout(60_000);
    const seen = { resumed: 0, beganAnew: 0, fromMemory: 0, clients: 0 };
    for (let run = 0; run < (given === undefined ? RUNS : 1); run += 1) {
      const play = new Play(first + run);
      const repeat = `HOLDFAST_SEED=${first + run}`;
      const stuck = new AbortController();
      try {
        await Promise.race([perform(play), stuckIn(STUCK_MS, stuck.signal)]);
      } catch (error) {
        (error as Error).message += ` (${repeat})`;
        throw error;
      } finally {
        stuck.abort();
      }
      seen.resumed += play.resumed;
      seen.beganAnew += play.beganAnew;
      seen.fromMemory += play.fromMemory;
      seen.clients += play.clients.length;
      play.close();
    }
    if (given !== undefined) return;
    expect(seen.resumed).to.be.above(RUNS);
    expect(seen.clients).to.be.above(RUNS);
    // What it is about has happened.
    expect(seen.beganAnew).to.be.above(0);
    expect(seen.fromMemory).to.be.above(RUNS / 4);
  });
});

async function perform(play: Play): Promise<void> {
  await play.open();
  for (let i = 0; i < STEPS; i += 1) await play.step();
  await play.settle();
  for (const client of play.clients) expect(await drain(client)).to.equal(0);
  expect(await play.judge()).to.deep.equal([]);
}

async function stuckIn(ms: number, signal: AbortSignal): Promise<void> {
  const isOver = await pause(ms, true, { signal }).catch(() => false);
  if (isOver) throw new Error(`stuck for ${ms} ms`);
}

/** @returns how often it had to begin anew: never, now that everything is stored */
async function drain(client: Client): Promise<number> {
  let anew = 0;
  for (let before = -1; before !== client.told.length;) {
    before = client.told.length;
    if (await client.pull()) anew += 1;
  }
  expect(await tellAll(client.follower)).to.equal('');
  return anew;
}
