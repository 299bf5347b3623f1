import type { Command } from 'ioredis';
import { StoreUnavailableError } from '../../sessions/session-store.ts';
import { APPEND, APPEND_COUNTED, CREATE, CREATE_COUNTED } from './commit-scripts.ts';
import { disturbed, type RedisClient } from './client.ts';
import { IndexDamagedError } from '../index-damaged-error.ts';
import { isWrongType, toStoreError } from './errors.ts';
import { type FailedShelves, TOUCH } from './failed-shelves.ts';
import { CommandTimeouts, Script, ScriptCommand, type ScriptSender } from './script-command.ts';
import * as erasures from './erasure-scripts.ts';
import { typeOf } from './keys.ts';
import * as scripts from './scripts.ts';
import { KeyRow, say, type SaidArgs, type ScriptArg } from './wire.ts';

const LUA = {
  append: APPEND,
  create: CREATE,
  appendCounted: APPEND_COUNTED,
  createCounted: CREATE_COUNTED,
  read: scripts.READ,
  remove: scripts.REMOVE,
  retire: scripts.RETIRE,
  retireWhole: scripts.RETIRE_WHOLE,
  mark: scripts.MARK,
  claimDerived: scripts.CLAIM_DERIVED,
  alias: scripts.ALIAS,
  unalias: scripts.UNALIAS,
  touch: TOUCH,
  beat: scripts.BEAT,
  instances: scripts.INSTANCES,
  leave: scripts.LEAVE,
  forget: scripts.FORGET,
  noteTenant: scripts.NOTE_TENANT,
  list: scripts.LIST,
  listSession: scripts.LIST_SESSION,
  listSessions: scripts.LIST_SESSIONS,
  compact: scripts.COMPACT,
  rewrite: scripts.REWRITE,
  claimDue: scripts.CLAIM_DUE,
  holdDue: scripts.HOLD_DUE,
  tenants: scripts.TENANTS,
  running: scripts.RUNNING,
  settle: scripts.SETTLE,
  census: scripts.CENSUS,
  share: scripts.SHARE,
  erase: erasures.ERASE,
  forgetTenant: erasures.FORGET_TENANT,
  orderErasure: erasures.ORDER_ERASURE,
  erasures: erasures.ERASURES,
  erasureDone: erasures.ERASURE_DONE,
} as const;

export type ScriptName = keyof typeof LUA;

const SCRIPTS = Object.fromEntries(
  Object.entries(LUA).map(([name, lua]) => [name, new Script(lua)]),
) as Record<ScriptName, Script>;

/** One call of a script. */
export interface ScriptCall {
  readonly script: ScriptName;
  readonly key: string;
  /** The keys behind it. */
  readonly row: KeyRow;
  readonly args: SaidArgs;
}

const toCall = (
  script: ScriptName,
  [key = '', ...others]: readonly string[],
  args: readonly ScriptArg[],
): ScriptCall => ({ script, key, row: new KeyRow(others), args: say(args) });

/**
 * Runs our scripts on one connection. Their text is sent once per connection, the hash from then on, and the text again
 * should the server have forgotten it. Not by ioredis' `defineCommand`, which does the same for three times the work of
 * the event loop (11 kB of memory for each request).
 */
export class ScriptRunner implements ScriptSender {
  readonly #client: RedisClient;
  readonly #failed: FailedShelves | undefined;
  readonly timeouts = new CommandTimeouts();

  /** @param failed of a cluster: to remember which of its masters did not answer */
  constructor(client: RedisClient, failed?: FailedShelves) {
    this.#client = client;
    this.#failed = failed;
  }

  /**
   * @throws {StoreUnavailableError} when the server did not do it, or did not say so
   * @throws {IndexDamagedError} when one of the keys after the first has a type that is not ours
   */
  run(name: ScriptName, keys: readonly string[], args: readonly ScriptArg[]): Promise<unknown> {
    return this.#send(this.#toCommand(toCall(name, keys, args)));
  }

  /**
   * {@link run} for the way of every request: with one promise from here to the caller.
   *
   * @param read of the answer; may throw
   */
  runFor<T>(
    name: ScriptName,
    keys: readonly string[],
    args: readonly ScriptArg[],
    read: (answer: unknown) => T | Promise<T>,
  ): Promise<T> {
    return this.runCall(toCall(name, keys, args), read);
  }

  /** As {@link runFor}. */
  runCall<T>(call: ScriptCall, read: (answer: unknown) => T | Promise<T>): Promise<T> {
    return this.#send(this.#toCommand(call, read)) as Promise<T>;
  }

  #toCommand({ script, key, row, args }: ScriptCall, read?: (answer: unknown) => unknown): ScriptCommand {
    return new ScriptCommand(SCRIPTS[script], key, row, args, this, read);
  }

  #send(command: ScriptCommand): Promise<unknown> {
    try {
      // it has all of a command but what is private there
      void this.#client.sendCommand(command as unknown as Command);
    } catch (error) {
      command.reject(error as Error);
    }
    return command.promise;
  }

  answered({ key }: ScriptCommand): void {
    this.#failed?.answered(key);
  }

  refused(command: ScriptCommand, error: Error): void {
    if (!command.isForgotten && isNoScript(error)) {
      command.renew();
      void this.#send(command);
      return;
    }
    if (isWrongType(error)) {
      void this.whichIsWrong(command.getKeys()).then((wrong) => {
        command.fail(wrong);
      });
      return;
    }
    const cause = toStoreError(error);
    if (cause instanceof StoreUnavailableError && this.#failed !== undefined) {
      this.#failed.failed(command.key);
      disturbed(this.#client);
    }
    command.fail(cause);
  }

  /**
   * Asks those masters of a cluster for a write that did not answer the last time.
   *
   * @returns whether there were any
   * @throws {StoreUnavailableError} when one still does not
   */
  async touchFailed(): Promise<boolean> {
    const probes = this.#failed?.probes ?? [];
    await Promise.all(probes.map((key) => this.run('touch', [key], [])));
    return probes.length > 0;
  }

  /** Redis does not say which key had the wrong type. Asked afterwards, so that the way of every commit stays short. */
  async whichIsWrong(keys: readonly string[]): Promise<Error> {
    try {
      const types = await Promise.all(keys.map((key) => this.#client.type(key)));
      const at = types.findIndex((type, i) => type !== 'none' && type !== typeOf(keys[i] ?? ''));
      return new IndexDamagedError(keys[at] ?? keys.join(' or '));
    } catch (error) {
      return toStoreError(error);
    }
  }
}

const isNoScript = (error: Error): boolean => error.message.startsWith('NOSCRIPT');
