import { ProtocolError } from '../../protocol/errors.ts';
import type { EpochMs } from '../../protocol/units.ts';
import type { Intent } from './change.ts';
import type { Drafts } from './drafts.ts';
import { dueCompactions, isRoomBeside, tidiesUp, wholeArtifact } from './ended-tasks.ts';
import { changesUse, NO_USE, QuotaReachedError, runningIn } from './quota.ts';
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
    intent.use = NO_USE;
    try {
      const bodies = intent.decide(draft, at);
      if (bodies.length === 0 && intent.options.renews !== true) return decided;
      for (const due of dueCompactions(draft, at, this.#parts.resumeMs))
        this.#take(due, draft, decided, bodies, intent);
      for (const body of bodies) {
        // What a task has come to is known once everything in front of its end is applied.
        if (endsTask(body)) this.#takeWholes(body.task, at, draft, decided, bodies, intent);
        this.#take(body, draft, decided, bodies, intent);
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
    intent: Intent,
  ): void {
    const task = draft.task(local);
    if (task === undefined) return;
    for (const artifactId of task.artifacts.keys()) {
      const whole = wholeArtifact(draft, local, artifactId, at);
      if (whole !== undefined) this.#take(whole, draft, decided, change, intent);
    }
  }

  /**
   * Adds a record to a decision and to the draft, unless it only tidies up and there is no room for it.
   *
   * @param change all that must stand in the commit
   */
  #take(
    body: RecordBody,
    draft: Session,
    decided: DecidedRecord[],
    change: readonly RecordBody[],
    intent: Intent,
  ): void {
    const { quotas, limits, instance } = this.#parts;
    const why = draft.check(body);
    if (why !== undefined)
      throw new ProtocolError('UNSUPPORTED_OPERATION', { message: `not possible: ${why}` });
    const record = toDecided({ instance, seq: this.#nextSeq() }, body);
    const over = overBound(limits, draft, record, decided.length, intent.options.quota);
    if (tidiesUp(body) && (over !== undefined || !isRoomBeside(decided, record, change))) return;
    if (over instanceof QuotaReachedError) throw quotas?.refused(draft.ref.tenant, over) ?? over;
    if (over !== undefined) throw over;
    if (quotas !== undefined && changesUse(body)) this.#addCounted(record, draft, intent);
    else this.#drafts.add(record, draft);
    decided.push(record);
  }

  /** As `Drafts.add`, and notes what becomes more or less by it. */
  #addCounted(record: DecidedRecord, draft: Session, intent: Intent): void {
    const { body } = record;
    const task = 'task' in body ? body.task : '';
    const before = runningIn(draft, task);
    this.#drafts.add(record, draft);
    const { sessions, runningTasks } = intent.use;
    intent.use = {
      sessions: sessions + (body.t === 'created' ? 1 : 0),
      runningTasks: runningTasks + runningIn(draft, task) - before,
    };
  }

  #nextSeq(): number {
    const { seqs } = this.#parts;
    this.#seq = Math.max(this.#seq, this.#journal.seqOf(this.#parts.instance)) + 1;
    seqs.highest = Math.max(seqs.highest, this.#seq);
    return this.#seq;
  }
}
