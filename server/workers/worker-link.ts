import cluster, { type Worker } from 'node:cluster';
import type { DurationMs } from '../../protocol/units.ts';
import type { Metrics } from '../observability/metrics.ts';
import { snapshotOf } from '../observability/summed-metrics.ts';
import { type FromWorker, type Listening, type ToWorker, toWorker, wrap } from './messages.ts';

/** More than the primary waits for the workers; it does nothing that takes long. */
const SUM_WITHIN_MS: DurationMs = 3000;

interface Wanted {
  readonly resolve: (text: string) => void;
  readonly timer: NodeJS.Timeout;
}

/** What a worker has of its primary. */
export class WorkerLink {
  /** Which of the workers this is: 1 and up. A worker that is put in the place of another has its number. */
  readonly number: number;
  readonly #worker: Worker;
  readonly #wanted = new Map<number, Wanted>();
  #count = 0;
  #metrics: Metrics | undefined;

  constructor(worker: Worker, number: number) {
    this.#worker = worker;
    this.number = number;
    worker.on('message', (message: unknown) => {
      this.#take(toWorker(message));
    });
  }

  /** Takes requests from now on, and answers for its metrics. */
  listening(listening: Listening, metrics: Metrics): void {
    this.#metrics = metrics;
    this.#tell({ kind: 'listening', listening });
  }

  /**
   * Without it node ends a worker at once when its primary is gone, however that came about: whatever it has
   * acknowledged and not stored would be lost.
   */
  onPrimaryGone(drain: () => void): void {
    this.#worker.on('disconnect', () => {
      this.#worker.exitedAfterDisconnect = true;
      drain();
    });
  }

  /** The metrics of all workers. Rejects when the primary does not answer. */
  metricsText(): Promise<string> {
    const id = ++this.#count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#wanted.delete(id);
        reject(new Error(`the primary process did not answer within ${SUM_WITHIN_MS} ms`));
      }, SUM_WITHIN_MS);
      this.#wanted.set(id, { resolve, timer });
      this.#tell({ kind: 'sum_wanted', id });
    });
  }

  #take(message: ToWorker | undefined): void {
    if (message?.kind === 'sum') {
      const wanted = this.#wanted.get(message.id);
      clearTimeout(wanted?.timer);
      wanted?.resolve(message.text);
      this.#wanted.delete(message.id);
    } else if (message?.kind === 'snapshot_wanted' && this.#metrics !== undefined) {
      void snapshotOf(this.#metrics.registry).then((snapshot) => {
        this.#tell({ kind: 'snapshot', snapshot });
      });
    }
  }

  #tell(message: FromWorker): void {
    // A primary that is gone is met by `disconnect`.
    if (this.#worker.isConnected()) this.#worker.send(wrap(message), () => undefined);
  }
}

/** Whether node has started this process as a worker of some cluster, ours or another program's. */
export const isClusterWorker = (): boolean => cluster.isWorker;

/** @param number what the primary has put into the environment; undefined: this process is no worker of ours */
export function linkToPrimary(number: string | undefined): WorkerLink | undefined {
  return cluster.worker !== undefined && cluster.isWorker && number !== undefined
    ? new WorkerLink(cluster.worker, Number(number))
    : undefined;
}
