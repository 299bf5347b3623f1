/** What a client says: one thing after the other into one session, each until it is answered. */
import type { Dialect } from '../../protocol/model.ts';
import type { DurationMs } from '../../protocol/units.ts';
import type { Random } from '../recovery/random.ts';
import { StreamedTask } from '../recovery/streamed-task.ts';
import { cancelRequest, getRequest, listRequest, sendRequest, streamRequest } from '../recovery/wire.ts';
import { type Asked, type Client, GIVE_UP_MS } from './client.ts';
import type { Instance } from './fleet.ts';

const DIALECTS: readonly [Dialect, ...Dialect[]] = ['v1', 'v03', 'v01'];
/** Between two things that a client says: half of it to one and a half. */
const THINK_MS: DurationMs = 600;
/** Of all that is done. What is left are blocking sends. */
const SHARES = { stream: 0.2, slow: 0.08, long: 0.07, cancel: 0.05, get: 0.14, list: 0.02, recall: 0.05 };
const LIST_PAGE = 20;
/** Ended tasks of its own that a client still asks for. */
const KNOWN_MAX = 40;
const CANCEL_TRIES = 8;

export interface TalkerParts {
  readonly client: Client;
  /** Follows the same tasks through other servers. */
  readonly watcher: Client;
  readonly random: Random;
  readonly session: string;
  /** Of all talkers at once. */
  readonly pace: () => number;
  /** Of a long answer at least, at most twice as many; ten a second. */
  readonly longChunks: number;
}

interface Said {
  readonly text: string;
  /** How long its agent works. */
  readonly worksMs: DurationMs;
}

const slow = (chunks: number, everyMs: DurationMs): Said => ({
  text: `slow ${chunks} ${everyMs}`,
  worksMs: chunks * everyMs,
});

export class Talker {
  readonly #parts: TalkerParts;
  readonly #known: { readonly id: string; readonly dialect: Dialect }[] = [];
  /** Watchers that are still at it. */
  readonly #watching = new Set<Promise<void>>();
  #said = 0;

  constructor(parts: TalkerParts) {
    this.#parts = parts;
  }

  /** Until `isOver`. Rejects when the scenario is given up. */
  async talk(isOver: () => boolean): Promise<void> {
    const { client, random, pace } = this.#parts;
    await client.rest(random.below(THINK_MS));
    while (!isOver()) {
      await this.#next();
      await client.rest((0.5 + random.next()) * THINK_MS * pace());
    }
    await Promise.all(this.#watching);
  }

  #next(): Promise<void> {
    const { random, longChunks } = this.#parts;
    let chance = random.next();
    const is = (share: number): boolean => (chance -= share) < 0;
    if (is(SHARES.get)) return this.#get();
    if (is(SHARES.list)) return this.#list();
    if (is(SHARES.recall)) return this.#send({ text: 'recall', worksMs: 0 }, 'v1');
    if (is(SHARES.slow)) return this.#send(slow(3 + random.below(3), 30), random.pick(DIALECTS));
    if (is(SHARES.long)) return this.#stream(slow(longChunks + random.below(longChunks), 100));
    if (is(SHARES.cancel)) return this.#streamAndCancel(slow(100, 100));
    const text = `message ${this.#said} of ${this.#parts.client.name}`;
    if (is(SHARES.stream)) return this.#stream({ text, worksMs: 0 });
    return this.#send({ text, worksMs: 0 }, random.pick(DIALECTS));
  }

  #asked(kind: 'send' | 'stream', said: Said, dialect: Dialect): Asked & { readonly key: string } {
    const { client, session } = this.#parts;
    const key = `${client.name}-${this.#said++}`;
    const isQuick = said.worksMs === 0 && kind === 'send';
    return { kind, dialect, key, text: said.text, session, isQuick, worksMs: said.worksMs };
  }

  async #send(said: Said, dialect: Dialect): Promise<void> {
    const { client, session } = this.#parts;
    const asked = this.#asked('send', said, dialect);
    const request = sendRequest(dialect, asked.key, said.text, session);
    const deadline = performance.now() + GIVE_UP_MS;
    for (let at = await client.choose(); performance.now() < deadline; at = await client.choose(at)) {
      const { outcome, seen, error } = await client.attempt(at, asked, request);
      if (outcome === 'answered' && seen !== undefined) this.#remember(seen.id, dialect);
      if (outcome === 'answered' || (outcome === 'refused' && error?.retry !== true)) return;
      await client.restAfter(outcome);
    }
  }

  async #stream(said: Said, onTask?: (id: string, at: Instance, dialect: Dialect) => void): Promise<void> {
    const { client, session, random } = this.#parts;
    const dialect = random.pick(DIALECTS);
    const asked = this.#asked('stream', said, dialect);
    const request = streamRequest(dialect, asked.key, said.text, session);
    const task = new StreamedTask();
    const deadline = performance.now() + GIVE_UP_MS;
    let isTold = false;
    for (let at = await client.choose(); performance.now() < deadline; at = await client.choose(at)) {
      const { outcome, error } = await client.follow(at, asked, request, task, (id) => {
        if (!isTold && said.worksMs > 0) this.#watchElsewhere(dialect, id, at);
        if (!isTold) onTask?.(id, at, dialect);
        isTold = true;
      });
      if (outcome === 'refused' && error?.retry !== true) return;
      if (task.id !== undefined && task.cursor !== undefined && !task.hasEnded)
        await client.watch(dialect, task.id, task, said.worksMs);
      if (task.id !== undefined) this.#remember(task.id, dialect);
      if (task.id !== undefined && task.cursor !== undefined) return;
      await client.restAfter(outcome);
    }
  }

  /** Somebody else follows the same task, through another server. */
  #watchElsewhere(dialect: Dialect, id: string, at: Instance): void {
    const { watcher } = this.#parts;
    const watching = watcher
      .choose(at)
      .then((other) => watcher.watch(dialect, id, new StreamedTask(), 500, other))
      .finally(() => this.#watching.delete(watching));
    watching.catch(() => undefined);
    this.#watching.add(watching);
  }

  /** Cancels it through another server than the one that runs it. */
  async #streamAndCancel(said: Said): Promise<void> {
    const { watcher, random } = this.#parts;
    let canceling: Promise<void> = Promise.resolve();
    await this.#stream(said, (id, at, dialect) => {
      canceling = (async () => {
        await watcher.rest(300 + random.below(500));
        await this.#cancel(dialect, id, at);
      })();
      canceling.catch(() => undefined);
    });
    await canceling;
  }

  async #cancel(dialect: Dialect, id: string, not: Instance): Promise<void> {
    const { watcher } = this.#parts;
    const asked: Asked = { kind: 'cancel', dialect, task: id, isQuick: false, worksMs: 6_000 };
    let at = await watcher.choose(not);
    for (let tries = 0; tries < CANCEL_TRIES; tries += 1) {
      const { outcome, error } = await watcher.attempt(at, asked, cancelRequest(dialect, id));
      if (outcome === 'answered' || (outcome === 'refused' && error?.retry !== true)) return;
      await watcher.rest(500);
      at = await watcher.choose(at);
    }
  }

  async #get(): Promise<void> {
    const { client, random } = this.#parts;
    const [first, ...rest] = this.#known;
    if (first === undefined) return;
    const { id, dialect } = random.pick([first, ...rest]);
    const asked: Asked = { kind: 'get', dialect, task: id, isQuick: true };
    await client.attempt(await client.choose(), asked, getRequest(dialect, id));
  }

  async #list(): Promise<void> {
    const { client, session } = this.#parts;
    const asked: Asked = { kind: 'list', dialect: 'v1', session, isQuick: true };
    await client.attempt(await client.choose(), asked, listRequest(session, LIST_PAGE));
  }

  #remember(id: string, dialect: Dialect): void {
    this.#known.push({ id, dialect });
    if (this.#known.length > KNOWN_MAX) this.#known.shift();
  }
}
