/** One call of a script as ioredis sends it, with the parts replaced that cost most of its way there and back. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Command } from 'ioredis';
import type { DurationMs } from '../../../protocol/units.ts';
import { type InLine, Line } from '../line.ts';
import { bulk, bulkOfNumber, END, type KeyRow, type SaidArgs } from './wire.ts';

/** A script, and the connections whose server is known to have it. */
export class Script {
  readonly lua: string;
  /** The first two arguments of a call by its hash. */
  readonly evalsha: string;
  readonly #loadedOn = new WeakSet<Socket>();

  constructor(lua: string) {
    this.lua = lua;
    const sha = createHash('sha1').update(lua).digest('hex');
    this.evalsha = bulk('evalsha') + bulk(sha);
  }

  /** @returns whether the server at the other end was sent it before; from now on it was */
  load(socket: Socket): boolean {
    if (this.#loadedOn.has(socket)) return true;
    this.#loadedOn.add(socket);
    return false;
  }
}

/**
 * The time-outs of all commands of a client: they all wait equally long, so that the one given first is due first, and
 * one timer will do. A timer for each was 3 % of what a request costs.
 */
export class CommandTimeouts {
  readonly #waiting = new Line<ScriptCommand>();
  #timer: NodeJS.Timeout | undefined;

  add(command: ScriptCommand): void {
    this.#waiting.add(command);
    if (this.#timer === undefined) this.#wait(command);
  }

  /** The timer stays: whoever is next may well come before it is due. */
  delete(command: ScriptCommand): void {
    this.#waiting.delete(command);
  }

  #wait({ dueAt }: ScriptCommand): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const now = performance.now();
      let command = this.#waiting.first;
      // a timer may come a little early, and fractions of a millisecond are not worth another one
      for (; command !== undefined && command.dueAt <= now + 1; command = this.#waiting.first) {
        this.#waiting.delete(command);
        command.reject(new Error('Command timed out'));
      }
      if (command !== undefined) this.#wait(command);
    }, dueAt - performance.now()).unref();
  }
}

/** ioredis makes a copy of what it is given, to look through it; our arguments are written as they are. */
const NO_ARGS: readonly string[] & { flat: unknown } = Object.assign([], { flat: () => NO_ARGS });

const uncork = (socket: Socket): void => {
  socket.uncork();
};

/** As ioredis hands an answer over: strings are bytes still. */
type RawReply = Buffer | number | null | readonly RawReply[];

function toReply(raw: RawReply): unknown {
  if (typeof raw === 'number') return raw;
  if (Buffer.isBuffer(raw)) return raw.toString();
  return Array.isArray(raw) ? raw.map(toReply) : raw;
}

/** Who gave a command: hears of its end before whoever waits for it. */
export interface ScriptSender {
  readonly timeouts: CommandTimeouts;
  answered(command: ScriptCommand): void;
  /** To be ended with {@link ScriptCommand.fail}, or sent again. */
  refused(command: ScriptCommand, error: Error): void;
}

/** What ioredis has of its own for a promise is not used: six functions for each, in 1 kB of memory. */
const PlainCommand = Command as unknown as new (
  name: string,
  args: readonly string[],
  options: object,
) => object;

/**
 * Sent in full once over each connection, by its hash from then on. Commands that are given in one turn of the event
 * loop leave in one write.
 */
export class ScriptCommand extends PlainCommand implements InLine<ScriptCommand> {
  readonly script: Script;
  /** The first key: that of the session, most often. */
  readonly key: string;
  /** Of what `read` makes of the answer. */
  readonly promise: Promise<unknown>;
  /** `performance.now()` */
  dueAt = 0;
  before: ScriptCommand | undefined = undefined;
  behind: ScriptCommand | undefined = undefined;
  isInLine = false;
  /** The server has said that it does not have the script. */
  isForgotten = false;
  readonly #row: KeyRow;
  readonly #args: SaidArgs;
  readonly #sender: ScriptSender;
  readonly #read: ((answer: unknown) => unknown) | undefined;
  #settle!: (value: unknown) => void;
  #fail!: (error: unknown) => void;
  #isOver = false;

  /**
   * @param row the keys behind the first
   * @param read of the answer; what it throws, the promise is rejected with. Absent: the answer itself
   */
  constructor(
    script: Script,
    key: string,
    row: KeyRow,
    args: SaidArgs,
    sender: ScriptSender,
    read?: (answer: unknown) => unknown,
  ) {
    super('evalsha', NO_ARGS, {});
    this.script = script;
    this.key = key;
    this.#row = row;
    this.#args = args;
    this.#sender = sender;
    this.#read = read;
    this.promise = new Promise((settle, fail) => {
      this.#settle = settle;
      this.#fail = fail;
    });
  }

  /** Called by the constructor of `Command`, for a promise of its kind. */
  initPromise(): void {
    // ours is made when there is something to make it of
  }

  /** A cluster's client asks whom to send it to. */
  getKeys(): string[] {
    return [this.key, ...this.#row.names];
  }

  setTimeout(ms: DurationMs): void {
    if (this.dueAt > 0) return;
    this.dueAt = performance.now() + ms;
    this.#sender.timeouts.add(this);
  }

  /** The first word counts: an answer that comes after its time-out is nobody's any more. */
  resolve(raw: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#sender.answered(this);
    try {
      // ioredis says what it makes of the answers of its own commands; these have others
      const answer = toReply(raw as RawReply);
      this.#settle(this.#read === undefined ? answer : this.#read(answer));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** A cluster's client has one of its own in front of it, which asks elsewhere first. */
  reject(error: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#sender.refused(this, error);
  }

  #end(): void {
    this.#isOver = true;
    this.#sender.timeouts.delete(this);
  }

  fail(error: unknown): void {
    this.#fail(error);
  }

  /** To be sent once more, with its text. */
  renew(): void {
    this.isForgotten = true;
    this.#isOver = false;
    this.dueAt = 0;
  }

  toWritable(socket: Socket): string {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(uncork, socket);
    }
    const { script } = this;
    const isThere = script.load(socket) && !this.isForgotten;
    const keys = 1 + this.#row.names.length;
    let text = `*${3 + keys + this.#args.count}`;
    text += isThere ? script.evalsha : bulk('eval') + bulk(script.lua);
    text += bulkOfNumber(keys);
    text += bulk(this.key);
    text += this.#row.text;
    text += this.#args.text;
    return text + END;
  }
}
