import { type FileHandle, open, stat } from 'node:fs/promises';
import type { DurationMs } from '../../protocol/units.ts';

/** Lines that wait for a slow disk; over it the newest are lost, and counted. */
const WAITING_MAX = 10_000;
/** How often it is looked whether the file was moved away. */
const LOOK_MS: DurationMs = 1_000;

export interface AuditFileOptions {
  readonly path: string;
  readonly mono: () => DurationMs;
  /** Told each time that lines are lost. */
  readonly onLost: (lines: number, error: unknown) => void;
}

/**
 * Appends lines to a file of mode 0600. Nobody waits for it. A file that was moved away is followed by a new one, at the
 * next line and within a second.
 */
export class AuditFile {
  readonly #options: AuditFileOptions;
  #waiting: string[] = [];
  #handle: FileHandle | undefined;
  #lookedAt = -Infinity;
  #writing: Promise<void> | undefined;

  constructor(options: AuditFileOptions) {
    this.#options = options;
  }

  /** Never throws. */
  write(line: string): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#options.onLost(1, new Error('the disk is too slow'));
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Waits for what is being written. Never rejects. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#forget();
  }

  async #writeAll(): Promise<void> {
    // What comes in one turn is written together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        const handle = await this.#opened();
        await handle.appendFile(lines.join(''));
      } catch (error) {
        this.#options.onLost(lines.length, error);
        await this.#forget();
      }
    }
  }

  async #opened(): Promise<FileHandle> {
    const { path, mono } = this.#options;
    if (
      this.#handle !== undefined &&
      mono() - this.#lookedAt >= LOOK_MS &&
      !(await this.#isThere(this.#handle))
    )
      await this.#forget();
    if (this.#handle === undefined) {
      this.#handle = await open(path, 'a', 0o600);
      this.#lookedAt = mono();
    }
    return this.#handle;
  }

  async #isThere(handle: FileHandle): Promise<boolean> {
    this.#lookedAt = this.#options.mono();
    const [ours, there] = await Promise.all([handle.stat(), stat(this.#options.path).catch(() => undefined)]);
    return there?.ino === ours.ino && there.dev === ours.dev;
  }

  async #forget(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close().catch(() => undefined);
  }
}
