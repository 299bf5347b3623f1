/**
 * Starts the workers, keeps their number, and ends them. Connections are given out by node in turn (SCHED_RR, see ADR
 * 0016); requests never pass through here.
 */
import cluster, { type Worker } from 'node:cluster';
import type { DurationMs } from '../../protocol/units.ts';
import type { Log } from '../observability/log-events.ts';
import { EXIT } from './exit-codes.ts';
import { FleetMetrics } from './fleet-metrics.ts';
import { watchHandOver } from './handed-over.ts';
import { type FromWorker, fromWorker, type Listening, type ToWorker, wrap } from './messages.ts';
import { Restarts } from './restarts.ts';

/** Which of the workers a process is. It is not a setting: node tells workers their cluster in the same way. */
export const NUMBER_VARIABLE = 'HOLDFAST_WORKER';

export interface PrimaryOptions {
  readonly workers: number;
  readonly log: Log;
  /** A worker that has not ended so long after it was asked to is killed. */
  readonly stopWithinMs: DurationMs;
  /** All of them take requests, for the first time. */
  readonly onListening: (listening: Listening) => void;
}

export interface PrimaryEnd {
  readonly code: number;
  /** When no worker has said it. */
  readonly why?: string;
}

/** A place that one process at a time has. Its number stays, and with it the folder of its outage journal. */
class Slot {
  readonly number: number;
  readonly restarts = new Restarts();
  worker: Worker | undefined;
  closeHandedOver: () => void = () => undefined;
  listeningSince: DurationMs | undefined;
  timer: NodeJS.Timeout | undefined;

  constructor(number: number) {
    this.number = number;
  }
}

export class Primary {
  readonly #options: PrimaryOptions;
  readonly #slots: readonly Slot[];
  readonly #metrics: FleetMetrics;
  #listening: Listening | undefined;
  /** All of them have taken requests: before that a death is a failed start. */
  #isUp = false;
  #isStopping = false;
  #end: PrimaryEnd = { code: EXIT.drained };
  #ended: (end: PrimaryEnd) => void = () => undefined;
  #killTimer: NodeJS.Timeout | undefined;
  /** What workers listen on; the real port once nobody listens on the one that was asked for. */
  #port: number | undefined;

  constructor(options: PrimaryOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.workers }, (_, index) => new Slot(index + 1));
    this.#metrics = new FleetMetrics(() => this.#askForSnapshots());
  }

  /** Resolves when all workers have ended. To be called once. */
  run(): Promise<PrimaryEnd> {
    cluster.schedulingPolicy = cluster.SCHED_RR;
    const ended = new Promise<PrimaryEnd>((resolve) => {
      this.#ended = resolve;
    });
    // One first: what keeps a worker from starting is then said once, and the port is known to all that follow.
    const [first] = this.#slots;
    if (first !== undefined) this.#fork(first);
    return ended;
  }

  /** Lets every worker drain. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    for (const { worker, timer } of this.#slots) {
      clearTimeout(timer);
      worker?.process.kill('SIGTERM');
    }
    this.#killTimer = setTimeout(() => {
      for (const { number, worker } of this.#slots)
        if (worker !== undefined)
          this.#options.log('worker_killed', { worker: number, pid: worker.process.pid });
      this.kill();
    }, this.#options.stopWithinMs);
    this.#endIfEmpty();
  }

  /** Ends every worker at once. */
  kill(): void {
    this.#isStopping = true;
    for (const { worker } of this.#slots) worker?.process.kill('SIGKILL');
  }

  #fork(slot: Slot): void {
    const port = this.#port === undefined ? {} : { PORT: String(this.#port) };
    const worker = cluster.fork({ [NUMBER_VARIABLE]: String(slot.number), ...port });
    slot.worker = worker;
    slot.closeHandedOver = watchHandOver(worker.process);
    slot.listeningSince = undefined;
    worker.on('message', (message: unknown) => {
      this.#take(slot, worker, fromWorker(message));
    });
    worker.once('exit', (code: number | null, signal: NodeJS.Signals | null) => {
      this.#died(slot, worker, code, signal);
    });
    worker.on('error', (error: unknown) => {
      // Of a process that never came to be nothing else is heard.
      if (worker.process.pid === undefined) this.#died(slot, worker, null, null, error);
    });
  }

  #take(slot: Slot, worker: Worker, message: FromWorker | undefined): void {
    if (message?.kind === 'listening') this.#isListening(slot, worker, message.listening);
    else if (message?.kind === 'snapshot') this.#metrics.answered(worker.id, message.snapshot);
    else if (message?.kind === 'sum_wanted') {
      const { id } = message;
      const sent = this.#metrics.text().then((text) => {
        tell(worker, { kind: 'sum', id, text });
      });
      // The worker meets it as an answer that does not come: no scrape is worth the primary.
      sent.catch(() => undefined);
    }
  }

  #isListening(slot: Slot, worker: Worker, listening: Listening): void {
    const isFirst = this.#listening === undefined;
    this.#listening ??= listening;
    if (listening.port !== this.#listening.port) {
      // With PORT=0, when the last that listened died before this one did: its successor gets the port that is known.
      this.#port = this.#listening.port;
      worker.process.kill('SIGTERM');
      return;
    }
    slot.listeningSince = performance.now();
    if (this.#isUp || this.#isStopping) return;
    if (isFirst) for (const other of this.#slots.slice(1)) this.#fork(other);
    if (this.#slots.some(({ listeningSince }) => listeningSince === undefined)) return;
    this.#isUp = true;
    this.#options.onListening(listening);
  }

  #died(slot: Slot, worker: Worker, code: number | null, signal: string | null, error?: unknown): void {
    if (slot.worker !== worker) return;
    const servedMs = slot.listeningSince === undefined ? 0 : performance.now() - slot.listeningSince;
    const hasServed = slot.listeningSince !== undefined;
    slot.worker = undefined;
    slot.closeHandedOver();
    this.#metrics.ended(worker.id);
    // The port of PORT=0 goes with the last that listens on it; whoever is next asks for that one.
    if (this.#slots.every((other) => other.worker === undefined)) this.#port = this.#listening?.port;
    if (this.#isStopping) {
      // Whoever did not listen yet has nothing to drain, and goes by the signal itself.
      this.#note({ code: code ?? (hasServed || signal !== 'SIGTERM' ? EXIT.crashed : EXIT.drained) });
      this.#endIfEmpty();
      return;
    }
    const fields = { worker: slot.number, pid: worker.process.pid, code, signal };
    if (!this.#isUp) {
      const hasSaidWhy = code === EXIT.notConfigured || code === EXIT.notStarted;
      if (!hasSaidWhy) this.#options.log('worker_died', fields, error);
      const why = `worker ${slot.number} ended while the server started (${signal ?? `exit code ${code}`})`;
      this.#giveUp(hasSaidWhy ? { code } : { code: EXIT.crashed, why });
      return;
    }
    const restartInMs = slot.restarts.afterDeath(servedMs);
    this.#options.log('worker_died', { ...fields, restartInMs }, error);
    if (restartInMs === undefined) {
      const { earlyDeaths } = slot.restarts;
      this.#options.log('workers_given_up', { worker: slot.number, deaths: earlyDeaths });
      const why = `worker ${slot.number} ended ${earlyDeaths} times soon after its start; the log lines worker_died and server_crashed say how`;
      this.#giveUp({ code: EXIT.crashed, why });
      return;
    }
    slot.timer = setTimeout(() => {
      this.#fork(slot);
    }, restartInMs);
  }

  #giveUp(end: PrimaryEnd): void {
    this.#note(end);
    this.stop();
  }

  /** The highest code is the worst. */
  #note(end: PrimaryEnd): void {
    const why = this.#end.why ?? end.why;
    this.#end = { code: Math.max(this.#end.code, end.code), ...(why !== undefined && { why }) };
  }

  #endIfEmpty(): void {
    if (this.#slots.some(({ worker }) => worker !== undefined)) return;
    clearTimeout(this.#killTimer);
    this.#ended(this.#end);
  }

  /** @returns whom it has asked */
  #askForSnapshots(): number[] {
    const asked = this.#slots.flatMap(({ worker, listeningSince }) =>
      worker?.isConnected() === true && listeningSince !== undefined ? [worker] : [],
    );
    for (const worker of asked) tell(worker, { kind: 'snapshot_wanted' });
    return asked.map(({ id }) => id);
  }
}

function tell(worker: Worker, message: ToWorker): void {
  // One that is gone is met by its `exit`.
  if (worker.isConnected()) worker.send(wrap(message), () => undefined);
}
