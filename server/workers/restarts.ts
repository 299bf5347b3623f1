import type { DurationMs } from '../../protocol/units.ts';

/** Who has served for so long died of something that came up meanwhile, not of its start. */
const SETTLED_MS: DurationMs = 10_000;
const FIRST_DELAY_MS: DurationMs = 200;
/** With the delays between them: about 6 s and the time that the starts take. */
const EARLY_DEATHS_MAX = 6;

/** How often a worker may be put in the place of one that died. */
export class Restarts {
  #earlyDeaths = 0;

  /**
   * @param servedMs since it took requests; 0 when it never did
   * @returns when the next one starts, or undefined when that is of no use any more
   */
  afterDeath(servedMs: DurationMs): DurationMs | undefined {
    this.#earlyDeaths = servedMs >= SETTLED_MS ? 1 : this.#earlyDeaths + 1;
    return this.#earlyDeaths < EARLY_DEATHS_MAX ? FIRST_DELAY_MS * 2 ** (this.#earlyDeaths - 1) : undefined;
  }

  get earlyDeaths(): number {
    return this.#earlyDeaths;
  }
}
