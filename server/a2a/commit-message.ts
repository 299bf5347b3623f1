import type { DurationMs } from '../../protocol/units.ts';
import type { ChangeOutcome } from '../sessions/change.ts';
import type { LiveSession } from '../sessions/live-session.ts';
import type { CallContext } from './call.ts';
import type { Address, MessagePlacement, Placed } from './place-message.ts';

/** The create met a session whose message was answered: who serves it now has to be asked first. */
export class AnsweredElsewhere extends Error {}

export interface CommitManner {
  /** The session's id was made from this message. */
  readonly derived: boolean;
  /** Monotonic moment until which the store may be waited for. */
  readonly deadline: DurationMs;
}

/** A repeat counts from the moment when what it repeats is stored: until then that may still fail, or be renumbered. */
export async function commitMessage(
  placement: MessagePlacement,
  session: LiveSession,
  address: Address,
  call: CallContext,
  how: CommitManner,
): Promise<{ outcome: ChangeOutcome; placed: Placed }> {
  for (;;) {
    const outcome = await store(placement, session, address, call, how);
    const { placed } = placement;
    if (placed === undefined) throw new Error('a message was decided without a place');
    // By its number alone it would be taken for whatever another instance has stored there meanwhile.
    const isSeen = (): boolean => placement.isStanding(session.view);
    if (isSeen()) return { outcome, placed };
    await whenStored(session, isSeen);
  }
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

async function store(
  placement: MessagePlacement,
  session: LiveSession,
  address: Address,
  call: CallContext,
  { derived, deadline }: CommitManner,
): Promise<ChangeOutcome> {
  const { clientTaskId } = address;
  // A 0.1 id that nobody here knows may name a task elsewhere: only the store can tell.
  const mustStore =
    clientTaskId !== undefined && session.view.alias(call.principal.subject, clientTaskId) === undefined;
  try {
    return await session.change(
      (draft, at) => {
        const { answered, serves } = session.journal.derived;
        const isDone = serves !== '' || (answered && placement.earlier(draft) === undefined);
        if (derived && draft.exists && isDone) throw new AnsweredElsewhere();
        return placement.decide(draft, at);
      },
      // what cannot be deferred is refused at the end of its time: it has all of it
      mustStore ? { mustStore } : { deadline },
    );
  } catch (error) {
    placement.abandon();
    throw error;
  }
}
