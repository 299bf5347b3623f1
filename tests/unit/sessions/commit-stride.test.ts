import { expect } from 'chai';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SinonFakeTimers, useFakeTimers } from 'sinon';
import type { SessionRef } from '../../../server/sessions/session-ref.ts';
import type { CommitRequest, CommitResult } from '../../../server/sessions/session-store.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { chunk, chunkTexts } from '../../helpers/chunked-tasks.ts';
import { begin, createTestManager, moveTo, opened, readAll } from '../../helpers/sessions.ts';

/** A store that answers some turns later, as one behind a socket does. */
class LaterStore extends MemorySessionStore {
  commits = 0;

  override async commit(ref: SessionRef, request: CommitRequest): Promise<CommitResult> {
    this.commits += 1;
    for (let turn = 0; turn < 4; turn += 1) await nextTurn();
    return super.commit(ref, request);
  }
}

describe('chunks that come faster than the store answers', () => {
  const store = (): LaterStore => new LaterStore(() => Date.now());
  let clock: SinonFakeTimers | undefined;

  afterEach(() => {
    clock?.restore();
    clock = undefined;
  });

  const stored = async (at: LaterStore): Promise<string[]> =>
    (await readAll(at)).flatMap(({ json }) => /chunk \d+/.exec(json ?? '')?.[0] ?? []);

  async function streaming(at: LaterStore) {
    const session = await opened(createTestManager(at).manager);
    await session.change(begin('t1', 'go'));
    at.commits = 0;
    return session;
  }

  it('gather, so that a commit takes many, and are stored in their order', async () => {
    const at = store();
    const session = await streaming(at);
    const changes: Promise<unknown>[] = [];
    for (const text of chunkTexts(300)) {
      changes.push(session.change(chunk('t1', text, 'a', changes.length > 0)));
      await nextTurn();
    }
    await Promise.all(changes);
    expect(await stored(at)).to.deep.equal(chunkTexts(300));
    // 75 without: one in four turns
    expect(at.commits).to.be.below(50);
  });

  it('do not hold up what somebody waits for', async () => {
    const at = store();
    const session = await streaming(at);
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const chunks = [0, 1, 2, 3].map((n) => session.change(chunk('t1', `chunk ${n}`, 'a', n > 0)));
    await chunks[0];
    const late = [4, 5].map((n) => session.change(chunk('t1', `chunk ${n}`)));
    for (let turn = 0; turn < 20; turn += 1) await nextTurn();
    const before = at.commits;
    expect(await stored(at)).to.not.include('chunk 5');
    expect(await session.change(moveTo('t1', 'TASK_STATE_COMPLETED', 'i1.1'))).to.equal('stored');
    await Promise.all([...chunks, ...late]);
    expect(at.commits).to.be.at.most(before + 1);
  });

  it('are not held where an agent waits for each of them', async () => {
    const at = store();
    const session = await streaming(at);
    clock = useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    for (let n = 0; n < 5; n += 1) await session.change(chunk('t1', `chunk ${n}`, 'a', n > 0));
    expect(at.commits).to.equal(5);
  });
});
