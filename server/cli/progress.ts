import type { Console } from './console.ts';

const EVERY_MS = 100;
const BAR_MAX = 30;

/** How far long work has come, in one line on a terminal; nothing in a pipe. */
export class Progress {
  readonly #terminal: Pick<Console, 'err' | 'columns'>;
  readonly #what: string;
  readonly #total: number | undefined;
  #done = 0;
  #shownAt = -Infinity;
  #isShown = false;

  /** @param total where it is known */
  constructor(terminal: Pick<Console, 'err' | 'columns'>, what: string, total?: number) {
    this.#terminal = terminal;
    this.#what = what;
    this.#total = total;
  }

  step(count: number): void {
    this.#done += count;
    const now = performance.now();
    if (this.#terminal.columns === undefined || now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#isShown = true;
    this.#terminal.err(`\r${this.#line().slice(0, this.#terminal.columns - 1)}\u001b[K`);
  }

  #line(): string {
    const total = this.#total;
    if (total === undefined || total === 0) return `${this.#what} ${this.#done}`;
    const share = Math.min(1, this.#done / total);
    const full = Math.round(share * BAR_MAX);
    const bar = `${'#'.repeat(full)}${'.'.repeat(BAR_MAX - full)}`;
    return `${this.#what} [${bar}] ${Math.floor(share * 100)} % ${this.#done}/${total}`;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isShown) this.#terminal.err('\r\u001b[K');
    this.#isShown = false;
  }
}
