import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { DurationMs } from '../../protocol/units.ts';
import type { LogEvent } from '../../server/observability/log-events.ts';
import { eventually } from '../../tests/helpers/eventually.ts';
import type { LogLine, LogLines } from '../../tests/helpers/log-lines.ts';
import type { Section } from './page.ts';
import { Terminal, type Typed } from './terminal.ts';

/** What a procedure throws when this machine does not let it bring the trouble about. The message says why. */
export class Skipped extends Error {
  override readonly name = 'Skipped';
}

/** A server as somebody outside sees it. */
export interface Watched {
  /** Of its JSON-RPC endpoint. */
  readonly url: string;
  /** Of its present start. */
  readonly logs: LogLines;
}

export interface Readyz {
  readonly status: string;
  readonly reasons: readonly unknown[];
  readonly pending: { readonly records: number; readonly bytes: number; readonly kept?: boolean };
  readonly warnings?: readonly unknown[];
}

const TYPED_WITHIN_MS: DurationMs = 60_000;
const SEEN_WITHIN_MS: DurationMs = 20_000;
/** A person would wait longer; a poll without a rest takes the core that the server needs. */
const ASK_AGAIN_MS: DurationMs = 100;

export async function readyzOf({ url }: Pick<Watched, 'url'>): Promise<Readyz> {
  const response = await fetch(new URL('/readyz', url));
  return (await response.json()) as Readyz;
}

export async function metricOf({ url }: Pick<Watched, 'url'>, name: string): Promise<number> {
  const text = await (await fetch(new URL('/metrics', url))).text();
  const found = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

/** What a procedure works with: its section of the page, a shell to type it into, and what an operator looks at. */
export class Rehearsal {
  readonly isQuick: boolean;
  /** Of this procedure alone; the shell's, too. Goes with it. */
  readonly folder: string;
  /** For the terminal, over what it inherits. Taken when the first command is typed. */
  readonly env: Record<string, string> = {};
  /** What was typed and answered, for whoever has to find out why it fails. */
  readonly transcript: string[] = [];
  readonly #section: Section;
  readonly #setup: Section | undefined;
  readonly #typed = new Set<string>();
  readonly #ends: (() => Promise<void> | void)[] = [];
  #terminal: Terminal | undefined;

  /** @param setup the section whose commands are typed into each new terminal */
  constructor(section: Section, setup: Section | undefined, isQuick: boolean) {
    this.#section = section;
    this.#setup = setup;
    this.isQuick = isQuick;
    this.folder = mkdtempSync(join(tmpdir(), 'holdfast-rehearsal-'));
    process.once('exit', this.#atExit);
  }

  readonly #atExit = (): void => {
    rmSync(this.folder, { recursive: true, force: true });
  };

  /**
   * Types a command of the section, word for word.
   *
   * @param beginning of one command of the section and of no other
   * @throws {AssertionError} when the page has no such command, or it ends with another code than 0
   */
  async command(beginning: string, withinMs = TYPED_WITHIN_MS): Promise<string> {
    const { output, code } = await this.#type(this.#find(beginning), withinMs);
    assert.equal(code, 0, `the page says: ${beginning}…, and that ends with ${code}: ${output}`);
    return output;
  }

  /** As {@link command}, for one that the page shows failing. */
  async failing(beginning: string, withinMs = TYPED_WITHIN_MS): Promise<string> {
    const { output, code } = await this.#type(this.#find(beginning), withinMs);
    assert.notEqual(code, 0, `the page says that ${beginning}… fails: ${output}`);
    return output;
  }

  /** Types a command again and again until its answer has this, as the page says it will: it may be asked too early. */
  async until(beginning: string, answer: RegExp, withinMs = SEEN_WITHIN_MS): Promise<string> {
    let output = '';
    const deadline = performance.now() + withinMs;
    do {
      if (output !== '') await pause(ASK_AGAIN_MS);
      ({ output } = await this.#type(this.#find(beginning), withinMs));
    } while (!answer.test(output) && performance.now() < deadline);
    assert.match(output, answer, `what ${beginning}… answers`);
    return output;
  }

  /** A line of the log that the section names. */
  async event(server: Watched, name: LogEvent, count = 1): Promise<LogLine> {
    this.says(name);
    return await server.logs.next(name, SEEN_WITHIN_MS, count);
  }

  /** A reason or a warning of `/readyz` that the section names. */
  async reason(server: Watched, text: string): Promise<void> {
    this.says(text);
    await eventually(async () => {
      const { reasons, warnings = [] } = await readyzOf(server);
      return [...reasons, ...warnings].some((one) => JSON.stringify(one).includes(text));
    }, SEEN_WITHIN_MS);
  }

  /** A metric that the section names. @param isSo of its value, summed over its labels */
  async metric(server: Watched, name: string, isSo: (value: number) => boolean): Promise<void> {
    this.says(name);
    await eventually(async () => isSo(await metricOf(server, name)), SEEN_WITHIN_MS);
  }

  /** It is over: ready, and nothing waits. */
  async isOver(server: Watched): Promise<void> {
    await eventually(async () => {
      const { status, pending } = await readyzOf(server);
      return status === 'ready' && pending.records === 0;
    }, SEEN_WITHIN_MS);
  }

  /** The next command is typed into a new terminal, with what `env` has by then. */
  leaveTerminal(): void {
    this.#terminal?.close();
    this.#terminal = undefined;
  }

  /** @throws {AssertionError} when the section does not speak of it */
  says(text: string): void {
    assert.ok(this.#section.text.includes(text), `"${this.#section.heading}" does not speak of ${text}`);
  }

  get text(): string {
    return this.#section.text;
  }

  /** @param pattern one group, of a number that the section tells */
  number(pattern: RegExp): number {
    const [, told = ''] = pattern.exec(this.#section.text) ?? [];
    assert.notEqual(told, '', `"${this.#section.heading}" does not tell ${pattern.source}`);
    return Number(told.replaceAll(',', ''));
  }

  /** Called when the procedure ends, however it ends, the last one first. */
  onEnd(work: () => Promise<void> | void): void {
    this.#ends.push(work);
  }

  /** @throws {AssertionError} naming what the section says and nobody has typed */
  finish(): void {
    const left = this.#section.commands.filter(
      ({ text, excuse }) => excuse === undefined && !this.#typed.has(text),
    );
    assert.deepEqual(
      left.map(({ text }) => text),
      [],
      'commands of the page that were not typed',
    );
  }

  async end(): Promise<void> {
    this.#terminal?.close();
    try {
      for (const work of this.#ends.splice(0).reverse()) await work();
    } finally {
      process.off('exit', this.#atExit);
      this.#atExit();
    }
  }

  #find(beginning: string): string {
    const found = new Set(
      this.#section.commands.filter(({ text }) => text.startsWith(beginning)).map(({ text }) => text),
    );
    const [first] = found;
    assert.ok(first !== undefined, `"${this.#section.heading}" has no command ${beginning}…`);
    assert.equal(found.size, 1, `"${this.#section.heading}" has several commands ${beginning}…`);
    this.#typed.add(first);
    return first;
  }

  async #type(text: string, withinMs: DurationMs): Promise<Typed> {
    if (this.#terminal === undefined) {
      this.#terminal = new Terminal(this.folder, this.env);
      for (const { text: setup } of this.#setup?.commands ?? [])
        this.#note(setup, await this.#terminal.type(setup, withinMs));
    }
    const typed = await this.#terminal.type(text, withinMs);
    this.#note(text, typed);
    return typed;
  }

  #note(text: string, { output, code }: Typed): void {
    const shown = `$ ${text}\n`;
    // One that is asked again and again is told once, with its last answer.
    if (this.transcript.at(-1)?.startsWith(shown) === true) this.transcript.pop();
    this.transcript.push(`${shown}${output}${code === 0 ? '' : `(ends with ${code})\n`}`);
  }
}
