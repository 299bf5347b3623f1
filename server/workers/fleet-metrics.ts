import type { DurationMs } from '../../protocol/units.ts';
import { type MetricsSnapshot, snapshotOf, sumOf, withoutGauges } from '../observability/summed-metrics.ts';

/** A worker that takes longer is busy or hangs; then its last values count once more. */
const ANSWER_WITHIN_MS: DurationMs = 1000;

/**
 * The metrics of all workers as one text. Its counters never fall while the primary lives, or Prometheus would take that
 * for a restart and count everything once more: whoever does not answer, or is gone, keeps what it said last.
 */
export class FleetMetrics {
  readonly #askAll: () => readonly number[];
  readonly #last = new Map<number, MetricsSnapshot>();
  #gone: MetricsSnapshot[] = [];
  #missing = new Set<number>();
  #allAnswered: () => void = () => undefined;
  #summing: Promise<string> | undefined;

  /** @param askAll asks every worker for its values @returns whom it has asked; what they answer goes to {@link answered} */
  constructor(askAll: () => readonly number[]) {
    this.#askAll = askAll;
  }

  /** Several that ask at once get the same. */
  text(): Promise<string> {
    this.#summing ??= this.#sum().finally(() => {
      this.#summing = undefined;
    });
    return this.#summing;
  }

  answered(worker: number, snapshot: MetricsSnapshot): void {
    this.#last.set(worker, snapshot);
    this.#settle(worker);
  }

  /** What it counted after it was asked last is lost with it. */
  ended(worker: number): void {
    const last = this.#last.get(worker);
    if (last !== undefined) this.#gone.push(withoutGauges(last));
    this.#last.delete(worker);
    this.#settle(worker);
  }

  #settle(worker: number): void {
    if (this.#missing.delete(worker) && this.#missing.size === 0) this.#allAnswered();
  }

  async #sum(): Promise<string> {
    this.#missing = new Set(this.#askAll());
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ANSWER_WITHIN_MS);
      this.#allAnswered = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#missing.size === 0) this.#allAnswered();
    });
    // One of all that are gone, or a worker that dies once an hour would fill the memory.
    if (this.#gone.length > 1) {
      const folded = await snapshotOf(sumOf(this.#gone.splice(0)));
      this.#gone.unshift(folded);
    }
    return await sumOf([...this.#gone, ...this.#last.values()]).metrics();
  }
}
