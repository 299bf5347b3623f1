import type { TalkProgress, TalkWatcher } from './talk.ts';

const REWRITE_MS = 100;

/** What goes on, on one line that is rewritten; where it cannot be, a line for each kill. */
export class ProgressLine implements TalkWatcher {
  readonly #out: NodeJS.WriteStream;
  #writtenAt = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  onAnswer(progress: TalkProgress): void {
    const now = performance.now();
    if (!this.#out.isTTY || now - this.#writtenAt < REWRITE_MS) return;
    this.#writtenAt = now;
    this.#out.write(`\r\x1b[K${format(progress)}`);
  }

  onKill(progress: TalkProgress): void {
    if (!this.#out.isTTY) this.#out.write(`killed: ${format(progress)}\n`);
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
  }
}

const format = ({ acknowledged, expected, retries, kills }: TalkProgress): string =>
  `${acknowledged} of ${expected} acknowledged, ${kills} kills, ${retries} retries`;
