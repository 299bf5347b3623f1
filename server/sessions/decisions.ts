import { ProtocolError } from '../../protocol/errors.ts';
import { isTerminal } from '../../protocol/task-state.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { Intent } from './change.ts';
import type { Drafts } from './drafts.ts';
import { dueCompactions, isRoomBeside, tidiesUp, wholeArtifacts } from './ended-tasks.ts';
import { toDecided, type DecidedRecord, type RecordBody } from './records.ts';
import { overBound } from './session-bounds.ts';
import type { SessionParts } from './session-parts.ts';
import type { Session } from './session.ts';
import type { StoredJournal } from './stored-journal.ts';

/** Turns what somebody wants changed into records of this instance: checked, bounded, and under identities of their own. */
export class Decisions {
  readonly #parts: SessionParts;
  readonly #journal: StoredJournal;
  readonly #drafts: Drafts;
  #seq: number;

  constructor(parts: SessionParts, journal: StoredJournal, drafts: Drafts) {
    this.#parts = parts;
    this.#journal = journal;
    this.#drafts = drafts;
    this.#seq = parts.seqs.highest;
  }

  /** @throws what `decide` throws, and what forbids one of the records; the draft is then as before */
  decide(draft: Session, intent: Intent): DecidedRecord[] {
    const at = Math.max(this.#parts.clock.now(), draft.lastAt);
    const decided: DecidedRecord[] = [];
    intent.since = this.#parts.clock.mono();
    intent.decidedOn = this.#journal.session.head;
    intent.isBaseless = false;
    try {
      const bodies = intent.decide(draft, at);
      const isCommit = bodies.length > 0 || intent.options.renews === true;
      for (const body of isCommit ? this.#withTidying(bodies, draft, at) : bodies) {
        const why = draft.check(body);
        if (why !== undefined)
          throw new ProtocolError('UNSUPPORTED_OPERATION', { message: `not possible: ${why}` });
        const record = toDecided({ instance: this.#parts.instance, seq: this.#nextSeq() }, body);
        const over = overBound(this.#parts.limits, draft, record, decided.length);
        if (tidiesUp(body) && (over !== undefined || !isRoomBeside(decided, record, bodies))) continue;
        if (over !== undefined) throw over;
        this.#drafts.extend([record], draft);
        decided.push(record);
      }
    } catch (error) {
      // Half a decision may stand on the draft: build it anew from what is queued.
      if (decided.length > 0) this.#drafts.invalidate();
      throw error;
    }
    return decided;
  }

  /** A change with what is due to be tidied up, and the whole artifacts of a task that it ends. Pulled as it is applied. */
  *#withTidying(bodies: readonly RecordBody[], draft: Session, at: EpochMs): Generator<RecordBody> {
    yield* dueCompactions(draft, at, this.#parts.resumeMs);
    for (const body of bodies) {
      if (body.t === 'status' && isTerminal(body.state)) yield* wholeArtifacts(draft, body.task, at);
      yield body;
    }
  }

  #nextSeq(): number {
    const { seqs } = this.#parts;
    this.#seq = Math.max(this.#seq, this.#journal.seqOf(this.#parts.instance)) + 1;
    seqs.highest = Math.max(seqs.highest, this.#seq);
    return this.#seq;
  }
}
