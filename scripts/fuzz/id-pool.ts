import type { Random } from '../recovery/random.ts';

const TASKS = 64;
const SESSIONS = 8;
/** Sessions are left behind after so many requests: one that is talked to for ever would be full. */
const GENERATION = 4_000;

/** Few ids, so that requests meet one another. Tasks of every tenant are among them. */
export class IdPool {
  readonly #tasks: string[] = [];
  readonly #pinned: string[] = [];
  #asked = 0;

  /** An id that an answer has named. */
  learn(task: string): void {
    if (this.#tasks.length < TASKS) this.#tasks.push(task);
    else this.#tasks[this.#asked % TASKS] = task;
  }

  /** One that is asked for as long as the run lasts. */
  pin(task: string): void {
    this.#pinned.push(task);
  }

  task(random: Random): string {
    const known = random.below(8) === 0 ? this.#pinned : this.#tasks;
    return known[random.below(known.length)] ?? 'nobody.here';
  }

  session(random: Random): string {
    this.#asked++;
    return `s-${Math.floor(this.#asked / GENERATION)}-${random.below(SESSIONS)}`;
  }

  /** Of a message, or a task that a client of 0.1 names. */
  own(random: Random): string {
    return `own-${Math.floor(this.#asked / GENERATION)}-${random.below(200)}`;
  }
}
