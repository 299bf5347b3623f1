import { ProtocolError } from '../../protocol/errors.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { Intent } from './change.ts';
import type { Drafts } from './drafts.ts';
import { dueCompactions, isRoomBeside, tidiesUp, wholeArtifact } from './ended-tasks.ts';
import { toDecided, type DecidedRecord, type RecordBody } from './records.ts';
import { endsTask, overBound } from './session-bounds.ts';
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

  /** As {@link decide}, on what the session is now. */
  decideAgain(draft: Session, intent: Intent): DecidedRecord[] {
    intent.since = this.#parts.clock.mono();
    return this.decide(draft, intent);
  }

  /** @throws what `decide` throws, and what forbids one of the records; the draft is then as before */
  decide(draft: Session, intent: Intent): DecidedRecord[] {
    const at = Math.max(this.#parts.clock.now(), draft.lastAt);
    const decided: DecidedRecord[] = [];
    intent.decidedOn = this.#journal.session.head;
    intent.isBaseless = false;
    try {
      const bodies = intent.decide(draft, at);
      if (bodies.length === 0 && intent.options.renews !== true) return decided;
      for (const due of dueCompactions(draft, at, this.#parts.resumeMs))
        this.#take(due, draft, decided, bodies);
      for (const body of bodies) {
        // What a task has come to is known once everything in front of its end is applied.
        if (endsTask(body)) this.#takeWholes(body.task, at, draft, decided, bodies);
        this.#take(body, draft, decided, bodies);
      }
    } catch (error) {
      // Half a decision may stand on the draft: build it anew from what is queued.
      if (decided.length > 0) this.#drafts.invalidate();
      throw error;
    }
    return decided;
  }

  /** Takes the artifacts of a task that is about to end, each in one record, where that is worth its room. */
  #takeWholes(
    local: string,
    at: EpochMs,
    draft: Session,
    decided: DecidedRecord[],
    change: readonly RecordBody[],
  ): void {
    const task = draft.task(local);
    if (task === undefined) return;
    for (const artifactId of task.artifacts.keys()) {
      const whole = wholeArtifact(draft, local, artifactId, at);
      if (whole !== undefined) this.#take(whole, draft, decided, change);
    }
  }

  /**
   * Adds a record to a decision and to the draft, unless it only tidies up and there is no room for it.
   *
   * @param change all that must stand in the commit
   */
  #take(body: RecordBody, draft: Session, decided: DecidedRecord[], change: readonly RecordBody[]): void {
    const why = draft.check(body);
    if (why !== undefined)
      throw new ProtocolError('UNSUPPORTED_OPERATION', { message: `not possible: ${why}` });
    const record = toDecided({ instance: this.#parts.instance, seq: this.#nextSeq() }, body);
    const over = overBound(this.#parts.limits, draft, record, decided.length);
    if (tidiesUp(body) && (over !== undefined || !isRoomBeside(decided, record, change))) return;
    if (over !== undefined) throw over;
    this.#drafts.add(record, draft);
    decided.push(record);
  }

  #nextSeq(): number {
    const { seqs } = this.#parts;
    this.#seq = Math.max(this.#seq, this.#journal.seqOf(this.#parts.instance)) + 1;
    seqs.highest = Math.max(seqs.highest, this.#seq);
    return this.#seq;
  }
}
