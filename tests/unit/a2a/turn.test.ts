import { expect } from 'chai';
import type { AgentEvent } from '../../../server/agents/agent-executor.ts';
import { Turn, type TurnOwner } from '../../../server/a2a/turn.ts';
import type { ChangeOutcome } from '../../../server/sessions/change.ts';
import { TaskFold } from '../../../server/sessions/task-fold.ts';

const WORKING: AgentEvent = {
  kind: 'statusUpdate',
  data: { taskId: 's.t', contextId: 's', status: { state: 'TASK_STATE_WORKING', timestamp: '' } },
};

interface Offered {
  readonly settle: (outcome: ChangeOutcome) => void;
  readonly fail: (error: unknown) => void;
}

/** A turn of which the changes meet the fate that the test gives them. */
function begin(refuseAtOnce?: Error) {
  const task = new TaskFold({ task: 't', at: 1, by: 'i.1' });
  const offered: Offered[] = [];
  const givenUp: string[] = [];
  const changeUnawaited = (_decide: unknown, _options: unknown, { settle, fail }: Offered): void => {
    if (refuseAtOnce !== undefined) throw refuseAtOnce;
    offered.push({ settle, fail });
  };
  const session = { ref: { tenant: 'a', sessionId: 's' }, draft: { task: () => task }, changeUnawaited };
  const giveUp = (why: string): void => {
    givenUp.push(why);
  };
  const owner = { session, local: 't', isRevealed: false, giveUp } as unknown as TurnOwner;
  const turn = new Turn(owner, task, () => undefined);
  const publish = (): Offered | undefined => {
    turn.publish(WORKING);
    return offered.at(-1);
  };
  return { turn, publish, givenUp };
}

describe('the end of a turn', () => {
  it('waits for each change once, also when what was acknowledged from memory is stored before', async () => {
    const { turn, publish } = begin();
    const [first, second] = [publish(), publish()];
    first?.settle('deferred');
    first?.settle('stored');
    const closing = turn.close();
    expect(closing, 'the second one is under way').to.be.instanceOf(Promise);
    second?.settle('stored');
    await closing;
  });

  it('has nothing to wait for when all that was published has met its fate', () => {
    const { turn, publish } = begin();
    publish()?.settle('stored');
    expect(turn.close()).to.equal(undefined);
  });

  it('gives the task up for a change that fails, though not in the middle of it', async () => {
    const { publish, givenUp } = begin();
    const change = publish();
    change?.fail(new Error('no'));
    expect(givenUp).to.deep.equal([]);
    await Promise.resolve();
    expect(givenUp).to.have.length(1);
  });

  it('gives it up for one that is refused at once, in the same way', async () => {
    const { publish, givenUp } = begin(new Error('no'));
    publish();
    expect(givenUp).to.deep.equal([]);
    await Promise.resolve();
    expect(givenUp).to.have.length(1);
  });

  it('hears no more of a change that has met its fate', async () => {
    const { publish, givenUp } = begin();
    const change = publish();
    change?.settle('deferred');
    change?.fail(new Error('gone since'));
    await Promise.resolve();
    expect(givenUp).to.deep.equal([]);
  });
});
