/** One call of a script as ioredis sends it, with the parts replaced that cost most of its way there and back. */
import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { Command } from 'ioredis';
import type { Bytes, DurationMs } from '../../../protocol/units.ts';

/**
 * What stands between two arguments: the end of one, and how many bytes the next one has. At hand for those of usual
 * sizes, because an argument is then two pieces of a command and not six: a third of the memory of a commit's text.
 */
const BETWEEN = Array.from({ length: 1_024 }, (_, bytes) => `\r\n$${bytes}\r\n`);
const between = (bytes: Bytes): string => BETWEEN[bytes] ?? `\r\n$${bytes}\r\n`;
const END = '\r\n';
const bulk = (arg: string): string => between(Buffer.byteLength(arg)) + arg;
const bulkOfNumber = (arg: number): string => {
  const digits = String(arg);
  return between(digits.length) + digits;
};

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
  readonly #waiting = new Set<ScriptCommand>();
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
      for (const command of this.#waiting) {
        // a timer may come a little early, and fractions of a millisecond are not worth another one
        if (command.dueAt > now + 1) {
          this.#wait(command);
          return;
        }
        this.#waiting.delete(command);
        command.reject(new Error('Command timed out'));
      }
    }, dueAt - performance.now()).unref();
  }
}

export type ScriptArg = string | number;

/** ioredis looks through what it is given for numbers and buffers; our arguments are written as they are. */
const NO_ARGS: string[] = [];

const uncork = (socket: Socket): void => {
  socket.uncork();
};

/** As ioredis hands an answer over: strings are bytes still. */
type RawReply = Buffer | number | null | readonly RawReply[];

function toReply(raw: RawReply): unknown {
  if (Buffer.isBuffer(raw)) return raw.toString();
  return Array.isArray(raw) ? raw.map(toReply) : raw;
}

/**
 * Sent in full once over each connection, by its hash from then on. Commands that are given in one turn of the event
 * loop leave in one write.
 */
export class ScriptCommand extends Command {
  readonly script: Script;
  readonly keyNames: readonly string[];
  readonly rest: readonly ScriptArg[];
  /** `performance.now()` */
  dueAt = 0;
  readonly #timeouts: CommandTimeouts;
  readonly #isForgotten: boolean;

  /** @param isForgotten the server has said that it does not have it */
  constructor(
    script: Script,
    keys: readonly string[],
    rest: readonly ScriptArg[],
    timeouts: CommandTimeouts,
    isForgotten = false,
  ) {
    super('evalsha', NO_ARGS, {});
    this.script = script;
    this.keyNames = keys;
    this.rest = rest;
    this.#timeouts = timeouts;
    this.#isForgotten = isForgotten;
  }

  /** A cluster's client asks whom to send it to. */
  override getKeys(): string[] {
    return [...this.keyNames];
  }

  override setTimeout(ms: DurationMs): void {
    if (this.dueAt > 0) return;
    this.dueAt = performance.now() + ms;
    this.#timeouts.add(this);
  }

  override toWritable(socket: Socket): string {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(uncork, socket);
    }
    const { script, keyNames, rest } = this;
    const isThere = script.load(socket) && !this.#isForgotten;
    let text = `*${3 + keyNames.length + rest.length}`;
    text += isThere ? script.evalsha : bulk('eval') + bulk(script.lua);
    text += bulkOfNumber(keyNames.length);
    for (const key of keyNames) text += bulk(key);
    for (const arg of rest) text += typeof arg === 'string' ? bulk(arg) : bulkOfNumber(arg);
    return text + END;
  }

  override transformReply(raw: unknown): string {
    this.#timeouts.delete(this);
    // ioredis says what it makes of the answers of its own commands; these have others
    return toReply(raw as RawReply) as string;
  }
}
