import { EventEmitter } from 'node:events';
import type { LogEvent } from '../../server/observability/log-events.ts';
import { OverheardText } from './overheard.ts';

export interface LogLine {
  readonly event: LogEvent;
  readonly level: string;
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A destination for log lines that tests read as data. */
export class LogLines {
  readonly lines: LogLine[] = [];
  readonly #written = new EventEmitter();
  readonly #overheard = new OverheardText('stdout');
  #rest = '';

  /** Takes text as it comes, in any pieces. What is not JSON is not ours and is passed over. */
  write(text: string): void {
    this.#overheard.write(text);
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('{')) continue;
      this.lines.push(JSON.parse(line) as LogLine);
      this.#written.emit('line');
    }
  }

  of(event: LogEvent): LogLine[] {
    return this.lines.filter((line) => line.event === event);
  }

  /** The `count`th line of an event, written already or later. */
  async next(event: LogEvent, timeoutMs = 10_000, count = 1): Promise<LogLine> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const line = this.of(event)[count - 1];
      if (line !== undefined) return line;
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(
          `no ${event} within ${timeoutMs} ms; saw: ${this.lines.map((l) => l.event).join(' ')}`,
        );
      await this.#oneLine(left);
    }
  }

  #oneLine(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#written.off('line', done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#written.once('line', done);
    });
  }
}
