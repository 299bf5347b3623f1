/** What goes on, on one line that is rewritten; nothing where it cannot be. */
export class StepLine {
  readonly #out: NodeJS.WriteStream;
  readonly #scenarios: number;
  readonly #running = new Map<string, string>();
  #done = 0;

  constructor(out: NodeJS.WriteStream, scenarios: number) {
    this.#out = out;
    this.#scenarios = scenarios;
  }

  step(scenario: string, step: string): void {
    this.#running.set(scenario, step);
    this.#write();
  }

  done(scenario: string): void {
    this.#done += 1;
    this.#running.delete(scenario);
    this.#write();
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
  }

  #write(): void {
    if (!this.#out.isTTY) return;
    const running = [...this.#running].map(([name, step]) => `${name} ${step}`).join(', ');
    this.#out.write(`\r\x1b[K${this.#done} of ${this.#scenarios} scenarios; ${running}`);
  }
}
