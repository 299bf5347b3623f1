import { expect } from 'chai';
import { setTimeout as pause } from 'node:timers/promises';
import { Random } from '../../scripts/recovery/random.ts';
import { newId, say, taskIn } from '../conformance/said.ts';
import { nothingPending, useOutage } from '../helpers/outage.ts';
import { call, V1 } from '../helpers/rpc.ts';
import { readSession } from '../helpers/stored-sessions.ts';
import { findFaults, positionOf, RestlessReader, type Tally, type Word } from './restless-reader.ts';

const SESSIONS = 3;
const READERS = 25;
const CHUNKS = 300;
const EVERY_MS = 15;
/** Frozen for so long at most, and let run for so long at most. */
const FROZEN_MAX_MS = 1_200;
const RUNNING_MAX_MS = 1_000;
/** Another one for each run; said when it fails. */
const SEED = Math.floor(Math.random() * 2 ** 31);

interface Body {
  readonly t: string;
  readonly state?: string;
  readonly whole?: boolean;
  /** Of a chunk: time, task, run, artifact, text. */
  readonly is?: readonly string[];
  readonly artifact?: { readonly parts: readonly { readonly text: string }[] };
}

/** The events of the one task of a session, from its journal. */
const wordsOf = (records: readonly (Body | undefined)[]): Word[] =>
  records.flatMap((body) => {
    if (body?.t === 'task') return ['TASK_STATE_SUBMITTED'];
    if (body?.t === 'status') return [body.state ?? ''];
    if (body?.t === 'chunk') return [body.is?.[4] ?? ''];
    if (body?.t === 'artifact' && body.whole !== true)
      return [body.artifact?.parts.map(({ text }) => text).join('|') ?? ''];
    return [];
  });

describe('restless readers of two servers, whose redis is frozen now and then', function () {
  this.timeout(60_000);
  const outage = useOutage();

  it(`are told what the journal has: nothing lost, nothing twice, in order (seed ${SEED})`, async () => {
    const servers = await Promise.all([outage.serve(), outage.serve()]);
    const urls = servers.map(({ url }) => url);
    const begin = async (nth: number): Promise<{ taskId: string; sessionId: string }> => {
      const sessionId = newId();
      const params = say(`slow ${CHUNKS} ${EVERY_MS}`, { contextId: sessionId }, { returnImmediately: true });
      const { json } = await call(urls[nth % urls.length]!, 'SendMessage', params, V1);
      return { taskId: taskIn(json.result!).id, sessionId };
    };
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, (_, nth) => begin(nth)));
    const tally: Tally = { streams: 0, resumed: 0, refused: 0, snapshots: 0, fromMemory: 0 };
    const readers = Array.from({ length: READERS }, (_, nth) => {
      const session = sessions[nth % SESSIONS]!;
      const reader = new RestlessReader(urls, session.taskId, new Random(SEED + nth), tally);
      return { reader, session };
    });
    const reading = Promise.all(readers.map(({ reader }) => reader.read()));
    const away: [from: number, to: number][] = [];
    const random = new Random(SEED);
    const end = new AbortController();
    const isOver = (): boolean => end.signal.aborted;
    void reading
      .catch(() => undefined)
      .then(() => {
        end.abort();
      });
    while (!isOver()) {
      const from = performance.now();
      do {
        outage.redis.pause();
        await pause(random.below(FROZEN_MAX_MS));
        outage.redis.resume();
        await pause(random.below(RUNNING_MAX_MS));
      } while (random.next() < 0.5 && !isOver());
      // Until then a server may have more than the store, and the other one less.
      await Promise.all(urls.map((url) => nothingPending(url)));
      away.push([from, performance.now()]);
      await pause(random.below(RUNNING_MAX_MS));
    }
    await reading;

    const wasAway = (at: number): boolean => away.some(([from, to]) => from <= at && at <= to);
    const faults: string[] = [];
    for (const [nth, { reader, session }] of readers.entries()) {
      const { records } = await readSession(outage.client, session.sessionId);
      const journal = wordsOf(records);
      expect(journal).to.deep.equal([
        'TASK_STATE_SUBMITTED',
        'TASK_STATE_WORKING',
        ...Array.from({ length: CHUNKS }, (_, n) => `chunk ${n}`),
        'TASK_STATE_COMPLETED',
      ]);
      faults.push(...findFaults(reader.told, journal, wasAway).map((fault) => `reader ${nth}: ${fault}`));
      for (const url of urls) expect(positionOf((await reader.get(url))!, journal)).to.equal(journal.length);
    }
    expect(faults).to.deep.equal([]);
    expect(tally.resumed).to.be.above(READERS);
    expect(readers.filter(({ reader }) => reader.told.length > 0)).to.have.length(READERS);
  });
});
