/** All clients of a scenario. They talk from the beginning to the end, whatever happens to the servers. */
import { setMaxListeners } from 'node:events';
import type { DurationMs } from '../../protocol/units.ts';
import { Random } from '../recovery/random.ts';
import { Client } from './client.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import { Talker } from './talker.ts';

export interface LoadOptions {
  readonly conversations: number;
  /** Of the sessions: written by two clients at once, through different servers where there are several. */
  readonly shared: number;
  readonly seed: number;
  /** Long answers are half as long. */
  readonly isQuick: boolean;
}

const TICK_MS: DurationMs = 10;

export class Load {
  readonly conversations: number;
  /** Answers so far, of any kind. */
  answers = 0;
  /** How long this process, or all of the machine, stood still at worst: no answer can be quicker than that. */
  stallMs: DurationMs = 0;
  /** Over 1: everybody waits longer between two things; under 1: less. */
  pace = 1;
  readonly #talkers: readonly Talker[];
  readonly #end = new AbortController();
  readonly #waiting = new Set<{ readonly count: number; readonly reached: () => void }>();
  #talking: Promise<unknown> = Promise.resolve();
  #isOver = false;
  #ticker: NodeJS.Timeout | undefined;

  constructor(fleet: Fleet, history: History, { conversations, shared, seed, isQuick }: LoadOptions) {
    this.conversations = conversations;
    // Everything that any client waits for listens to it.
    setMaxListeners(0, this.#end.signal);
    const onAnswer = (): void => {
      this.answers += 1;
      for (const each of this.#waiting) if (each.count <= this.answers) each.reached();
    };
    const clientOf = (name: string, nth: number, parity?: 0 | 1): Client =>
      new Client({
        ...{ name, fleet, history, onAnswer },
        ...{ random: new Random(seed + nth), signal: this.#end.signal },
        ...(parity !== undefined && { parity }),
      });
    this.#talkers = Array.from({ length: conversations }, (_, nth) => {
      // The first 2 × shared clients sit in pairs.
      const isPair = nth < 2 * shared;
      const parity = isPair ? ((nth % 2) as 0 | 1) : undefined;
      return new Talker({
        client: clientOf(`c${nth}`, 4 * nth, parity),
        watcher: clientOf(`c${nth}w`, 4 * nth + 1),
        random: new Random(seed + 4 * nth + 2),
        session: isPair ? `s${nth - (nth % 2)}` : `s${nth}`,
        pace: () => this.pace,
        longChunks: isQuick ? 10 : 20,
      });
    });
  }

  start(): void {
    let last = performance.now();
    this.#ticker = setInterval(() => {
      const now = performance.now();
      this.stallMs = Math.max(this.stallMs, now - last - TICK_MS);
      last = now;
    }, TICK_MS);
    this.#talking = Promise.all(this.#talkers.map((each) => each.talk(() => this.#isOver)));
    this.#talking.catch(() => undefined);
  }

  /** Settles when so many more answers have come. @throws what a client could not do at all */
  async answered(more: number): Promise<void> {
    const count = this.answers + more;
    const waited = new Promise<void>((reached) => this.#waiting.add({ count, reached }));
    await Promise.race([waited, this.#talking]);
  }

  /** Says nothing new, and waits for the answers. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#talking.finally(() => {
      clearInterval(this.#ticker);
    });
  }

  /** Waits for nobody. */
  abort(): void {
    this.#isOver = true;
    clearInterval(this.#ticker);
    this.#end.abort();
  }
}
