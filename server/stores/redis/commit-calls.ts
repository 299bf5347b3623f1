import type { DurationMs } from '../../../protocol/units.ts';
import { StoreUnavailableError, type CommitResult } from '../../sessions/session-store.ts';
import type { SessionKeys, ShelfKeys } from './keys.ts';
import { RETIRE_MAX_SESSIONS } from './redis-task-lists.ts';
import { toCommitResult, toReply } from './replies.ts';
import type { ScriptCall, ScriptRunner } from './script-runner.ts';

const OK: CommitResult = { outcome: 'ok' };
/** A create that finds remains of an expired session clears them and tries again; more often only if somebody races. */
const CREATE_ATTEMPTS = 3;

/** Takes what is over out of the indexes: of one session, or of all that limits are counted over. */
type Retire = (tenant: string, shelf: ShelfKeys, member?: string) => Promise<unknown>;
/** How often a commit is tried again that was refused while there were remains of expired sessions. */
const ROUNDS_MAX = 4;

/** Sends commits. Without async functions on their usual way: each would be two more promises for every request. */
export class CommitCalls {
  readonly #scripts: ScriptRunner;
  readonly #retire: Retire;
  readonly #unlimitedMs: DurationMs;

  /** @param unlimitedMs life of an index key; what to call that of a session whose expiry somebody has taken off */
  constructor(scripts: ScriptRunner, retire: Retire, unlimitedMs: DurationMs) {
    this.#scripts = scripts;
    this.#retire = retire;
    this.#unlimitedMs = unlimitedMs;
  }

  send(
    tenant: string,
    keys: SessionKeys,
    call: ScriptCall,
    attempts = CREATE_ATTEMPTS,
    rounds = ROUNDS_MAX,
  ): Promise<CommitResult> {
    return this.#scripts.runCall(call, (answer) => {
      if (answer === 1) return OK;
      const reply = toReply(answer, keys.session);
      if (reply[0] === 'stale') return this.#sendAgain(tenant, keys, call, attempts - 1);
      if (reply[0] === 'refused' && Number(reply[2]) > 0 && rounds > 0)
        return this.#sendOnceCleared(tenant, keys, call, rounds - 1);
      return toCommitResult(reply, this.#unlimitedMs);
    });
  }

  async #sendOnceCleared(
    tenant: string,
    keys: SessionKeys,
    call: ScriptCall,
    rounds: number,
  ): Promise<CommitResult> {
    const { whole } = keys.shelf;
    if (whole === undefined) await this.#retire(tenant, keys.shelf);
    else {
      const args = [`${whole.base}u:`, RETIRE_MAX_SESSIONS, this.#unlimitedMs];
      await this.#scripts.run('retireWhole', [whole.sessions, whole.running], args);
    }
    return this.send(tenant, keys, call, CREATE_ATTEMPTS, rounds);
  }

  async #sendAgain(
    tenant: string,
    keys: SessionKeys,
    call: ScriptCall,
    attempts: number,
  ): Promise<CommitResult> {
    await this.#retire(tenant, keys.shelf, keys.member);
    if (attempts > 0) return this.send(tenant, keys, call, attempts);
    throw new StoreUnavailableError(`${keys.session} expires faster than it is created`, { counts: false });
  }
}
