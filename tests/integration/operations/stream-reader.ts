import type { Part, StreamEvent } from '../../../protocol/model.ts';
import type { StreamAnswer, StreamFrame } from '../../../server/a2a/call.ts';

const textOf = (parts: readonly Part[]): string =>
  parts.map((part) => ('text' in part ? part.text : '?')).join('|');
const stateOf = (state: string): string => state.replace('TASK_STATE_', '').toLowerCase().replace('_', '-');

/**
 * An event in a few words: `task submitted`, `working`, `a0 text`, `a0+ more`, `message text`; `!` behind the one that is
 * said to be final.
 */
export function wordOf(event: StreamEvent): string {
  switch (event.kind) {
    case 'task':
      return `task ${stateOf(event.view.task.status.state)}${event.final ? '!' : ''}`;
    case 'message':
      return `message ${textOf(event.message.parts)}`;
    case 'statusUpdate': {
      const { state, message } = event.update.status;
      const says = message === undefined ? '' : ` ${textOf(message.parts)}`;
      return `${stateOf(state)}${event.final ? '!' : ''}${says}`;
    }
    case 'artifactUpdate': {
      const { artifact, append } = event.update;
      return `a${event.index}${append === true ? '+' : ''} ${textOf(artifact.parts)}`;
    }
  }
}

/** A client that reads a stream. */
export class StreamReader {
  readonly answer: StreamAnswer;
  readonly frames: StreamFrame[] = [];
  hasEnded = false;
  readonly #iterator: AsyncIterator<StreamFrame>;

  constructor(answer: StreamAnswer) {
    this.answer = answer;
    this.#iterator = answer.frames[Symbol.asyncIterator]();
  }

  get words(): string[] {
    return this.frames.map(({ event }) => wordOf(event));
  }

  get cursors(): string[] {
    return this.frames.map(({ cursor }) => cursor);
  }

  /** @returns the word of the next event; `end` when there is none */
  async next(): Promise<string> {
    const step = await this.#iterator.next();
    if (step.done === true) {
      this.hasEnded = true;
      return 'end';
    }
    const { event, cursor } = step.value;
    this.frames.push({ event, cursor });
    return wordOf(event);
  }

  /** Reads to the end, as a client does that has all the time. */
  async all(): Promise<string[]> {
    while ((await this.next()) !== 'end');
    return this.words;
  }

  /** Reads until an event, the next one included. */
  async until(word: string): Promise<void> {
    for (;;) {
      const came = await this.next();
      if (came === word) return;
      if (came === 'end') throw new Error(`ended before ${word}: ${this.words.join(', ')}`);
    }
  }

  async leave(): Promise<void> {
    await this.#iterator.return?.();
  }
}
