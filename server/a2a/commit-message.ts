import type { DurationMs } from '../../protocol/units.ts';
import type { ChangeOutcome } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { Quota } from '../sessions/quota.ts';
import type { CallContext } from './call.ts';
import type { Address, MessagePlacement } from './place-message.ts';

/** The create met a session whose message was answered: who serves it now has to be asked first. */
export class AnsweredElsewhere extends Error {}

export interface CommitManner {
  /** The session's id was made from this message. */
  readonly derived: boolean;
  /** Monotonic moment until which the store may be waited for. */
  readonly deadline: DurationMs;
  /** Of the caller; undefined: none. */
  readonly quota: Quota | undefined;
}

/**
 * For a message that repeats what does not stand there yet: a repeat counts from the moment when what it repeats is stored,
 * because until then that may still fail, or be renumbered.
 */
export async function commitAgain(
  placement: MessagePlacement,
  session: LiveSession,
  address: Address,
  call: CallContext,
  how: CommitManner,
): Promise<ChangeOutcome> {
  let outcome: ChangeOutcome;
  do {
    await whenStored(session, () => placement.isStanding(session.view));
    outcome = await commitMessage(placement, session, address, call, how);
    // By its number alone it would be taken for whatever another instance has stored there meanwhile.
  } while (!placement.isStanding(session.view));
  return outcome;
}

/** Waits until something can be seen in the stored layer, or nothing is on its way to it any more. */
export async function whenStored(session: LiveSession, isSeen: () => boolean): Promise<void> {
  while (session.isPending && !isSeen()) {
    await new Promise<void>((resolve) => {
      const stop = session.observe(() => {
        stop();
        resolve();
      });
    });
  }
}

/** Once. Whether what it repeats stands there is for the caller to ask: see {@link commitAgain}. */
export function commitMessage(
  placement: MessagePlacement,
  session: LiveSession,
  address: Address,
  call: CallContext,
  { derived, deadline, quota }: CommitManner,
): Promise<ChangeOutcome> {
  const { clientTaskId } = address;
  // A 0.1 id that nobody here knows may name a task elsewhere: only the store can tell.
  const mustStore =
    clientTaskId !== undefined && session.view.alias(call.principal.subject, clientTaskId) === undefined;
  return session.change(
    (draft, at) => {
      if (derived && draft.exists) {
        const { answered, serves } = session.journal.derived;
        const isDone = serves !== '' || (answered && placement.earlier(draft) === undefined);
        if (isDone) throw new AnsweredElsewhere();
      }
      return placement.decide(draft, at);
    },
    // what cannot be deferred is refused at the end of its time: it has all of it
    mustStore ? { mustStore, quota } : { deadline, quota },
  );
}
