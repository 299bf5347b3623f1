import type { DurationMs } from '../../../protocol/units.ts';
import { StoreUnavailableError, type CommitResult } from '../../sessions/session-store.ts';
import type { ScriptCall } from './commit-call.ts';
import type { SessionKeys, ShelfKeys } from './keys.ts';
import { toCommitResult, toReply } from './replies.ts';
import type { ScriptRunner } from './script-runner.ts';

const OK: CommitResult = { outcome: 'ok' };
/** A create that finds remains of an expired session clears them and tries again; more often only if somebody races. */
const CREATE_ATTEMPTS = 3;

type Retire = (tenant: string, shelf: ShelfKeys, member: string) => Promise<unknown>;

/** Sends commits. Without async functions on their usual way: each would be two more promises for every request. */
export class CommitCalls {
  readonly #scripts: ScriptRunner;
  readonly #retire: Retire;
  readonly #unlimitedMs: DurationMs;

  /** @param unlimitedMs what to call the life of a session whose expiry somebody has taken off */
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
  ): Promise<CommitResult> {
    return this.#scripts.runFor(call.script, call.keys, call.args, (answer) => {
      if (answer === 1) return OK;
      const reply = toReply(answer, keys.session);
      if (reply[0] === 'stale') return this.#sendAgain(tenant, keys, call, attempts - 1);
      return toCommitResult(reply, this.#unlimitedMs);
    });
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
