/** Sessions that are compacted at random times look like those that never are, from wherever they are read. */
import { expect } from 'chai';
import fc from 'fast-check';
import { TASK_STATES, isTerminal } from '../../protocol/task-state.ts';
import type { LiveSession } from '../../server/sessions/live-session.ts';
import { fromStoredJson } from '../../server/sessions/stored-json.ts';
import { MemorySessionStore } from '../../server/stores/memory/memory-store.ts';
import { chunk, endTask, shown } from '../helpers/chunked-tasks.ts';
import { FaultyStore } from '../helpers/faulty-store.ts';
import {
  begin,
  createTestManager,
  moveTo,
  opened,
  readAll,
  refOf,
  say,
  TestClock,
  type TestManager,
} from '../helpers/sessions.ts';

const RESUME_MS = 1_000;
const WRITERS = 2;
const TASKS = ['a', 'b'];

const who = fc.nat(WRITERS - 1);
const task = fc.constantFrom(...TASKS);
const artifactId = fc.constantFrom('a', 'a', 'a', 'b');
const step = fc.oneof(
  {
    weight: 8,
    // A burst shares a commit; one by one each has its own.
    arbitrary: fc.record({
      op: fc.constant('chunks' as const),
      who,
      task,
      artifactId,
      count: fc.integer({ min: 1, max: 24 }),
      anew: fc.boolean(),
      burst: fc.boolean(),
      large: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('say' as const), who, task }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('work' as const), who, task }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('end' as const),
      who,
      task,
      state: fc.constantFrom(...TASK_STATES.filter(isTerminal)),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('wait' as const),
      ms: fc.constantFrom(10, RESUME_MS, 5 * RESUME_MS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('read' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('lag' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('keep' as const), keeps: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Some writers and readers of one session on one store. */
class World {
  readonly clock = new TestClock();
  readonly memory = new MemorySessionStore(this.clock.now);
  readonly store = new FaultyStore(this.memory, false);
  readonly writers: { test: TestManager; session: LiveSession }[] = [];
  /** They stopped somewhere, and will go on. */
  readonly lagging: { test: TestManager; session: LiveSession }[] = [];
  readonly #managers: TestManager[] = [];
  readonly #resumeMs: number;

  constructor(resumeMs: number) {
    this.#resumeMs = resumeMs;
  }

  async open(): Promise<{ test: TestManager; session: LiveSession }> {
    const { clock } = this;
    const instance = `i${this.#managers.length}`;
    const test = createTestManager(this.store, { clock, instance, resumeMs: this.#resumeMs });
    this.#managers.push(test);
    return { test, session: await opened(test.manager) };
  }

  async begin(): Promise<void> {
    for (let i = 0; i < WRITERS; i++) this.writers.push(await this.open());
    await this.writers[0]?.session.change(begin('t0', 'first'));
  }

  async do(step: Step): Promise<void> {
    if (step.op === 'wait') this.clock.advance(step.ms);
    else if (step.op === 'lag') this.lagging.push(await this.open());
    else if (step.op === 'keep') this.store.always(step.keeps ? 'refuse' : undefined, 'compact');
    else if (step.op !== 'read') await this.#write(step);
  }

  async #write(step: Extract<Step, { who: number }>): Promise<void> {
    const writer = this.writers[step.who];
    if (writer === undefined) return;
    const { session, test } = writer;
    await test.manager.catchUp(session);
    const local = await this.#taskOf(session, step.task);
    if (step.op === 'say') await session.change(say(local, `said ${session.view.messages.length}`));
    if (step.op === 'work') await session.change(moveTo(local, 'TASK_STATE_WORKING'));
    if (step.op === 'end') await session.change(endTask(local, step.state));
    if (step.op !== 'chunks') return;
    const texts = Array.from({ length: step.count }, (_, i) => `${i}${step.large ? 'x'.repeat(1_500) : ''}`);
    const changes = texts.map((text, i) => chunk(local, text, step.artifactId, !(step.anew && i === 0)));
    if (step.burst) await Promise.all(changes.map((change) => session.change(change)));
    else for (const change of changes) await session.change(change);
  }

  /** The one of this name that is on; another one when it has ended. */
  async #taskOf(session: LiveSession, name: string): Promise<string> {
    const known = [...session.view.tasks()].filter(({ local }) => local.startsWith(name));
    const last = known.at(-1);
    if (last !== undefined && !isTerminal(last.state)) return last.local;
    const local = `${name}${known.length}`;
    await session.change(begin(local, local, 'i0.1'));
    return local;
  }

  /** What everybody sees: the writers, a new reader, and sometimes those who had stopped. */
  async seen(isLast: boolean): Promise<object[]> {
    const readers = [...this.writers, await this.open(), ...(isLast ? this.lagging : [])];
    return Promise.all(
      readers.map(async ({ test, session }) => {
        await test.manager.catchUp(session);
        return withoutNumbers(shown(session.view));
      }),
    );
  }

  async close(): Promise<void> {
    this.store.always(undefined);
    for (const { manager } of this.#managers) await manager.close();
  }
}

/** Compaction adds records: the numbers of others differ, and nothing else. */
const withoutNumbers = (view: object): object =>
  JSON.parse(
    JSON.stringify(view, (key, value: unknown) =>
      key === 'n' || key === 'head' || key === 'turn' ? 0 : value,
    ),
  ) as object;

async function run(steps: readonly Step[]): Promise<number> {
  const [tidy, plain] = [new World(RESUME_MS), new World(1e15)];
  try {
    for (const world of [tidy, plain]) await world.begin();
    for (const [i, step] of steps.entries()) {
      for (const world of [tidy, plain]) await world.do(step);
      const isLast = i === steps.length - 1;
      if (step.op !== 'read' && !isLast) continue;
      const [expected] = await plain.seen(isLast);
      for (const view of await tidy.seen(isLast)) expect(view).to.deep.equal(expected);
    }
    await expectSound(tidy);
    return (await readAll(tidy.memory)).filter(({ json }) => json === null).length;
  } finally {
    await tidy.close();
    await plain.close();
  }
}

/** Nothing is missing that is not said to be, and every record that is left has the identity it was written with. */
async function expectSound({ memory, store }: World): Promise<void> {
  const written = new Map<number, string>();
  for (const { request, result } of store.answers) {
    if (result.outcome !== 'ok') continue;
    const { expected, instance, records } = request;
    for (const [i, { seq }] of records.entries()) written.set(expected.head + 1 + i, `${instance}.${seq}`);
  }
  const records = await readAll(memory, refOf());
  const ranges: [number, number][] = [];
  let before: { instance: string; seq: number } | undefined;
  for (const { n, json } of records) {
    const record = fromStoredJson(n, json, before);
    if (record?.body?.t === 'compacted') ranges.push([record.body.from, record.body.to]);
    if (record !== undefined && json !== null)
      expect(`${record.identity.instance}.${record.identity.seq}`, json).to.equal(written.get(n));
    before = record?.identity ?? (before && { instance: before.instance, seq: before.seq + 1 });
  }
  for (const { n, json } of records)
    if (json === null)
      expect(
        ranges.some(([from, to]) => from <= n && n <= to),
        `${n}`,
      ).to.equal(true);
}

describe('a session whose ended tasks are compacted', function () {
  this.timeout(120_000);

  it('shows what one shows that never is, to everybody, wherever they read on from', async () => {
    let deleted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        deleted += await run(steps);
      }),
      { numRuns: 150 },
    );
    // It has something to say.
    expect(deleted).to.be.above(500);
  });
});
