import type { Redis } from 'ioredis';
import { APPEND, CREATE } from './commit-scripts.ts';
import { IndexDamagedError, isWrongType, toStoreError } from './errors.ts';
import * as scripts from './scripts.ts';

const LUA = {
  append: APPEND,
  create: CREATE,
  read: scripts.READ,
  remove: scripts.REMOVE,
  retire: scripts.RETIRE,
  mark: scripts.MARK,
  markDerived: scripts.MARK_DERIVED,
  claimDerived: scripts.CLAIM_DERIVED,
  alias: scripts.ALIAS,
  unalias: scripts.UNALIAS,
  beat: scripts.BEAT,
  beatAge: scripts.BEAT_AGE,
  list: scripts.LIST,
  listSession: scripts.LIST_SESSION,
  compact: scripts.COMPACT,
  claimDue: scripts.CLAIM_DUE,
  holdDue: scripts.HOLD_DUE,
  tenants: scripts.TENANTS,
} as const;

export type ScriptName = keyof typeof LUA;

type Command = (keys: number, ...rest: (string | number)[]) => Promise<unknown>;

/**
 * Runs our scripts on one connection. `defineCommand` sends the text once per connection, the hash from then on, and
 * the text again should the server have forgotten it; never use it inside MULTI, where that cannot work.
 */
export class ScriptRunner {
  readonly #client: Redis;

  constructor(client: Redis) {
    this.#client = client;
    for (const [name, lua] of Object.entries(LUA)) client.defineCommand(`holdfast_${name}`, { lua });
  }

  /**
   * @throws {StoreUnavailableError} when the server did not do it, or did not say so
   * @throws {IndexDamagedError} when one of the keys after the first has a type that is not ours
   */
  async run(name: ScriptName, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const commands = this.#client as unknown as Record<string, Command>;
    try {
      return await commands[`holdfast_${name}`]?.(keys.length, ...keys, ...args);
    } catch (error) {
      if (error instanceof Error && isWrongType(error)) throw await this.#whichIsWrong(keys);
      throw toStoreError(error);
    }
  }

  /** Redis does not say which key had the wrong type. Asked afterwards, so that the way of every commit stays short. */
  async #whichIsWrong(keys: readonly string[]): Promise<Error> {
    try {
      const types = await Promise.all(keys.map((key) => this.#client.type(key)));
      const at = types.findIndex((type, i) => type !== 'none' && type !== typeOf(keys[i] ?? ''));
      return new IndexDamagedError(keys[at] ?? keys.join(' or '));
    } catch (error) {
      return toStoreError(error);
    }
  }
}

const typeOf = (key: string): string => (/:(aliases|s:[^:]*)$/.test(key) ? 'hash' : 'zset');
