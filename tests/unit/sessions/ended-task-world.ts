import type { LiveSession } from '../../../server/sessions/live-session.ts';
import type { SessionLimits } from '../../../server/sessions/session-parts.ts';
import { MemorySessionStore } from '../../../server/stores/memory/memory-store.ts';
import { chunkTexts, streamInto, wordsOf } from '../../helpers/chunked-tasks.ts';
import { eventually } from '../../helpers/eventually.ts';
import { FaultyStore } from '../../helpers/faulty-store.ts';
import {
  begin,
  createTestManager,
  opened,
  readAll,
  TestClock,
  type TestManager,
} from '../../helpers/sessions.ts';

export const RESUME_MS = 60_000;

/** A store for each test, and managers on it that compact what ended a minute ago. */
export class EndedTasks {
  clock = new TestClock();
  memory = new MemorySessionStore(this.clock.now);
  store = new FaultyStore(this.memory, false);
  managers: TestManager[] = [];

  start(instance: string, limits: Partial<SessionLimits> = {}, on = this.store): TestManager {
    const all = { recordMaxBytes: 4_194_304, sessionMaxBytes: 16_777_216, sessionMaxRecords: 100_000 };
    const { clock } = this;
    const test = createTestManager(on, {
      instance,
      resumeMs: RESUME_MS,
      limits: { ...all, ...limits },
      clock,
    });
    this.managers.push(test);
    return test;
  }

  /** A session with one task that has streamed so many chunks. */
  async streamed(texts = chunkTexts(20), test = this.start('i1')): Promise<LiveSession> {
    const session = await opened(test.manager);
    await session.change(begin('t1', 'one'));
    await streamInto(session, 't1', texts);
    return session;
  }

  async words(): Promise<string[]> {
    return wordsOf(await readAll(this.memory));
  }

  /** How often a word stands there. */
  async count(word: string): Promise<number> {
    return (await this.words()).filter((other) => other === word).length;
  }

  /** A fresh reader's copy. */
  reread(): Promise<LiveSession> {
    return opened(this.start(`r${this.managers.length}`).manager);
  }

  /** Waits for the time to resume, and for the first commit behind it. */
  async compact(session: LiveSession): Promise<void> {
    this.clock.advance(RESUME_MS);
    const before = this.store.calls.compact ?? 0;
    await session.change(begin(`t${this.clock.now()}`, 'later'));
    await eventually(() => (this.store.calls.compact ?? 0) > before);
  }
}

export const artifacts = (session: LiveSession): unknown => session.view.task('t1')?.toTask('s1').artifacts;

export function useEndedTasks(): EndedTasks {
  const world = new EndedTasks();
  beforeEach(() => {
    Object.assign(world, new EndedTasks());
  });
  afterEach(async () => {
    for (const { manager } of world.managers) await manager.close();
  });
  return world;
}
