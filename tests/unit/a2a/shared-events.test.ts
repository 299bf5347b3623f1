import { expect } from 'chai';
import type { StreamEvent } from '../../../protocol/model.ts';
import { SharedEvents } from '../../../server/a2a/shared-events.ts';
import type { RecordBody } from '../../../server/sessions/records.ts';
import { chunkEvent } from '../../helpers/scripted-stream.ts';

const DIALECTS = ['v1', 'v03', 'v01'] as const;

const record = (text: string): RecordBody => ({
  t: 'artifact',
  at: 1,
  task: 't1',
  artifact: { artifactId: 'a', parts: [{ text }] },
});

describe('the events that streams of one task share', () => {
  let events: SharedEvents;
  let made: number;
  const maker = {
    toEvent: (body: RecordBody): StreamEvent | undefined => {
      made += 1;
      return body.t === 'artifact' ? chunkEvent('x') : undefined;
    },
  };
  beforeEach(() => {
    events = new SharedEvents();
    events.isShared = true;
    made = 0;
  });

  it('are made once for each record, and written once in each dialect', () => {
    const body = record('a');
    const shared = events.of(body, false, maker);
    expect(events.of(body, false, maker)).to.equal(shared);
    expect(events.of(record('a'), false, maker)).to.not.equal(shared);
    expect(made).to.equal(2);
    let written = 0;
    for (let round = 0; round < 3; round += 1) {
      for (const dialect of DIALECTS) {
        const texts = shared?.in(dialect, (event) => [`${event.kind} ${dialect} ${++written}`]);
        expect(texts).to.deep.equal([`artifactUpdate ${dialect} ${DIALECTS.indexOf(dialect) + 1}`]);
      }
    }
  });

  it('are another for the stream that ends with the record', () => {
    const body = record('a');
    const shared = events.of(body, false, maker);
    expect(events.of(body, true, maker)).to.equal(undefined);
    expect(events.of(body, false, maker)).to.equal(shared);
  });

  it('are none where a record is no event, and for a stream that is alone', () => {
    expect(events.of({ t: 'created', at: 1 }, false, maker)).to.equal(undefined);
    expect(events.size).to.equal(0);
    events.isShared = false;
    expect(events.of(record('a'), false, maker)).to.equal(undefined);
    expect(events.size).to.equal(0);
  });

  it('are forgotten when a stream is alone again, and when they are said to be stale', () => {
    for (const forget of [
      () => (events.isShared = false),
      () => {
        events.clear();
      },
    ]) {
      events.isShared = true;
      events.of(record('a'), false, maker)?.in('v1', () => ['text']);
      expect([events.size, events.chars]).to.deep.equal([1, 4]);
      forget();
      expect([events.size, events.chars]).to.deep.equal([0, 0]);
    }
  });

  it('are no more than so many', () => {
    const first = record('first');
    events.of(first, false, maker);
    for (let i = 0; i < 10_000; i += 1) events.of(record('more'), false, maker)?.in('v1', () => ['x']);
    expect(events.size).to.equal(2_048);
    expect(events.chars).to.equal(2_048);
    made = 0;
    events.of(first, false, maker);
    expect(made).to.equal(1);
  });

  it('hold no more than a mebibyte of text, and one that is more by itself', () => {
    const text = 'x'.repeat(50_000);
    const early = events.of(record('early'), false, maker);
    for (let i = 0; i < 100; i += 1) {
      const shared = events.of(record('more'), false, maker);
      for (const dialect of DIALECTS) shared?.in(dialect, () => [text, text]);
      expect(events.chars).to.be.at.most(1_048_576);
    }
    expect(events.size).to.be.within(3, 4);
    const kept = events.chars;
    // It was dropped: what it says is told all the same, and counts no more.
    expect(early?.in('v1', () => [text])).to.deep.equal([text]);
    expect(events.chars).to.equal(kept);
    events.of(record('huge'), false, maker)?.in('v1', () => ['x'.repeat(3_000_000)]);
    expect([events.size, events.chars]).to.deep.equal([1, 3_000_000]);
    events.of(record('next'), false, maker);
    expect([events.size, events.chars]).to.deep.equal([1, 0]);
  });
});
