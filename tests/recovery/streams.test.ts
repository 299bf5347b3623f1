import { expect } from 'chai';
import { Random } from '../../scripts/recovery/random.ts';
import { type ServerProcess, useLocalServers, useServerProcesses } from '../helpers/server.ts';
import { memberOf, newId, say, taskIn, textsOf } from '../conformance/said.ts';
import { type Frame, type Stream, Wire } from '../conformance/wire.ts';
import { DURABLE_STORES, type StoredBody } from './durable-stores.ts';

const CHUNKS = 2_000;
const CLIENTS = 50;

const numberOf = (text: string): number => Number(text.replace('chunk ', ''));
const chunksIn = ({ result }: Frame): number[] => {
  const { task, artifactUpdate } = result as unknown as {
    task?: { artifacts?: { parts: { text: string }[] }[] };
    artifactUpdate?: { artifact: { parts: { text: string }[] } };
  };
  const parts = artifactUpdate?.artifact.parts ?? task?.artifacts?.flatMap((each) => each.parts) ?? [];
  return parts.map(({ text }) => numberOf(text));
};
const stateIn = (frame: Frame | undefined): string => {
  const { task, statusUpdate } = (frame?.result ?? {}) as Record<
    string,
    { status: { state: string } } | undefined
  >;
  return (task ?? statusUpdate)?.status.state ?? '';
};
/** Undefined for what a busy machine could not store in time: the cursor names its place in a queue then. */
const recordOf = ({ id = '' }: Frame): number | undefined =>
  id.includes('~') ? undefined : Number(id.split('.')[1]);

/** A cancel's way is nothing that a stream tells, nor is the artifact once more as a whole, as a task's end brings it. */
const isTold = ({ t, whole = false }: StoredBody): boolean => t !== 'cancel' && !whole;

/** What is seen is all there is: no chunk missing, none twice, no record passed over. */
function expectContiguous(frames: readonly Frame[], from: number, journal: readonly StoredBody[]): void {
  const chunks = frames.flatMap(chunksIn);
  expect(chunks).to.deep.equal(Array.from({ length: chunks.length }, (_, n) => from + n));
  const records = frames.map(recordOf);
  const at = records.findIndex((n) => n !== undefined);
  const known = records[at] ?? 0;
  // The first frame is what the task is, wherever the journal stands.
  const told = journal.flatMap((body, i) => ((at === 0 && i + 1 === known) || isTold(body) ? [i + 1] : []));
  const expected = told.slice(told.indexOf(known) - at);
  expect(records.map((n, i) => n ?? expected[i])).to.deep.equal(expected);
}

/** A client that comes, goes and comes back; everything it was ever told, in the order in which it was told. */
class RestlessClient {
  readonly frames: Frame[] = [];
  readonly #wire: Wire;
  readonly #id: string;
  readonly #random: Random;

  constructor(wire: Wire, id: string, seed: number) {
    this.#wire = wire;
    this.#id = id;
    this.#random = new Random(seed);
  }

  async follow(): Promise<void> {
    for (;;) {
      const stream = await this.#open();
      if (stream === undefined) return;
      const stay = this.#random.next() < 0.3 ? Infinity : this.#random.below(400);
      for (let taken = 0; taken <= stay; taken += 1) {
        const frame = await stream.next();
        if (frame === undefined) return;
        this.frames.push(frame);
      }
      stream.leave();
    }
  }

  /** @returns undefined when the task had ended before this client had seen anything of it */
  async #open(): Promise<Stream | undefined> {
    const cursor = this.frames.at(-1)?.id;
    if (cursor !== undefined)
      return this.#wire.stream('SubscribeToTask', { id: this.#id }, { 'Last-Event-ID': cursor });
    try {
      return await this.#wire.stream('SubscribeToTask', { id: this.#id });
    } catch (error) {
      expect(String(error)).to.include('-32004');
      return undefined;
    }
  }
}

describe('many clients of one stream', function () {
  this.timeout(120_000);
  const processes = useServerProcesses();
  const [, useStore] = DURABLE_STORES[0]!;
  const store = useStore();

  it('are each told a run of the journal without a gap and without a repeat, while it is canceled', async () => {
    const server = await processes.start(store.env, store.folder);
    const wire = new Wire(() => server.url, 'v1');
    const sender = await wire.stream('SendStreamingMessage', say(`slow ${CHUNKS} 2`));
    const first = await sender.next();
    const { id } = taskIn(first?.result ?? {});
    const clients = Array.from({ length: CLIENTS - 1 }, (_, n) => new RestlessClient(wire, id, n));
    const following = clients.map((client) => client.follow());
    const begun = await sender.until((result) => chunksIn({ id: '', result }).at(-1) === CHUNKS * 0.6);
    await wire.result('CancelTask', { id });
    const told = [first!, ...begun, ...(await sender.rest())];
    await Promise.all(following);
    const seen = taskIn(await wire.result('GetTask', { id }));
    expect(seen.status.state).to.equal('TASK_STATE_CANCELED');
    const all = (seen.artifacts?.[0]?.parts ?? []).map(({ text = '' }) => numberOf(text));
    const journal = await store.journal(seen.contextId);
    for (const frames of [told, ...clients.map((client) => client.frames)]) {
      if (frames.length === 0) continue;
      expectContiguous(frames, 0, journal);
      expect(frames.flatMap(chunksIn)).to.deep.equal(all);
      expect(stateIn(frames.at(-1))).to.equal('TASK_STATE_CANCELED');
      expect(frames.filter(({ result }) => memberOf(result) === 'task')).to.have.length(1);
    }
    expect(clients.filter(({ frames }) => frames.length > 0).length).to.be.above(CLIENTS / 2);
    // Every listener that had left was let go.
    const metrics = await (await fetch(new URL('/metrics', server.url))).text();
    expect(metrics).to.match(/^\w*streams_open 0$/m);
  });
});

for (const [name, useDurable] of DURABLE_STORES) {
  describe(`a stream whose server is killed, on ${name}`, function () {
    this.timeout(60_000);
    const processes = useServerProcesses();
    const startHere = useLocalServers();
    const store = useDurable();

    async function lastOf(stream: Stream, count: number): Promise<Frame[]> {
      const frames: Frame[] = [];
      while (frames.length < count) {
        const frame = await stream.next();
        if (frame === undefined) throw new Error('it ended');
        frames.push(frame);
      }
      return frames;
    }

    async function killed(server: ServerProcess): Promise<Wire> {
      await server.kill9();
      const next = await startHere(store.env);
      return new Wire(() => next.url, 'v1');
    }

    it('goes on behind the last event with everything that was stored, then tells how the task ended', async () => {
      const server = await processes.start(store.env, store.folder);
      const wire = new Wire(() => server.url, 'v1');
      const contextId = newId();
      const sent = await wire.stream('SendStreamingMessage', say('slow 500 5', { contextId }));
      const before = await lastOf(sent, 40);
      // Others are further on than this one was when it broke off.
      await lastOf(sent, 20);
      const after = await killed(server);
      const { id } = taskIn(before[0]?.result ?? {});
      const headers = { 'Last-Event-ID': before.at(-1)?.id ?? '' };
      const rest = await (await after.stream('SubscribeToTask', { id }, headers)).rest();
      const all = [...before, ...rest];
      expectContiguous(all, 0, await store.journal(contextId));
      expect(rest.length).to.be.above(19);
      expect(stateIn(all.at(-1))).to.equal('TASK_STATE_FAILED');
      const seen = taskIn(await after.result('GetTask', { id }));
      expect(textsOf(seen)[0]?.split('|').map(numberOf)).to.deep.equal(all.flatMap(chunksIn));
      // Once more: the same, from anywhere.
      const again = await (await after.stream('SubscribeToTask', { id }, headers)).rest();
      expect(again).to.deep.equal(rest);
    });

    it('says with a fresh snapshot that it cannot go on from where a cursor of another life stands', async () => {
      const server = await processes.start(store.env, store.folder);
      const wire = new Wire(() => server.url, 'v1');
      const asked = await (await wire.stream('SendStreamingMessage', say('input'))).rest();
      const { id } = taskIn(asked[0]?.result ?? {});
      const after = await killed(server);
      for (const cursor of ['another.3', 'junk', `${asked.at(-1)?.id ?? ''}9999`]) {
        const stream = await after.stream('SubscribeToTask', { id }, { 'Last-Event-ID': cursor });
        const first = (await stream.next()) ?? { id: '', result: {} };
        expect(memberOf(first.result), cursor).to.equal('task');
        expect(stateIn(first)).to.equal('TASK_STATE_INPUT_REQUIRED');
        stream.leave();
      }
    });
  });
}
