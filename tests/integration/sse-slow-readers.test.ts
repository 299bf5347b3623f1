import { expect } from 'chai';
import { once } from 'node:events';
import { post, V1 } from '../helpers/rpc.ts';
import { chunkEvent, ScriptedStream, taskEvent } from '../helpers/scripted-stream.ts';
import { useStreamDoor } from '../helpers/sse.ts';
import {
  CHUNKS,
  CHUNK_BYTES,
  SEND,
  endless,
  fillUp,
  nextConnection,
  open,
  plays,
  standsStill,
} from './sse-play.ts';

describe('a reader that stands still', () => {
  const used = useStreamDoor({ sse: { heartbeatMs: 20, stallMs: 1000 } });

  it('holds no more than its buffers, is cut off with the cursor it has, and disturbs nobody', async () => {
    const slow = endless();
    const quick = new ScriptedStream(taskEvent());
    plays(used.door, slow, quick);
    const connection = nextConnection(used.door);
    const still = await open(used.door);
    const ours = await connection;
    const reader = await open(used.door);
    await standsStill(slow);
    const { pulled } = slow;
    const written = ours.bytesWritten;
    expect(pulled).to.be.lessThan(CHUNKS / 2);
    expect(ours.writableLength).to.be.lessThan(2 * CHUNK_BYTES);
    quick.give(chunkEvent('a'));
    await reader.until(() => reader.events.length === 2);

    const { requestId } = await used.door.logs.next('stream_cut');
    expect(requestId).to.match(/^[0-9a-f-]{36}$/);
    await slow.isReturned();
    expect([slow.pulled, slow.returned]).to.deep.equal([pulled, 1]);
    // not a heartbeat was added to what could not leave
    expect(ours.bytesWritten).to.equal(written);
    expect((await used.door.metrics.streamsCut.get()).values[0]?.value).to.equal(1);
    expect(used.door.backend.delivered).to.equal(0);

    const seen = await still.toEnd();
    expect(still.isComplete).to.equal(false);
    expect(seen.at(-1)?.id).to.equal(`e.${seen.length}`);

    quick.give('end');
    await reader.toEnd();
    expect([reader.isComplete, quick.returned, await used.door.openStreams()]).to.deep.equal([true, 0, 0]);
  });

  it('holds no more of what is ready before it asks', async () => {
    const slow = endless();
    slow.isEager = true;
    plays(used.door, slow);
    const connection = nextConnection(used.door);
    const still = await open(used.door);
    const ours = await connection;
    await standsStill(slow);
    expect(slow.pulled).to.be.lessThan(CHUNKS / 2);
    expect(ours.writableLength).to.be.lessThan(2 * CHUNK_BYTES);
    await used.door.logs.next('stream_cut');
    const seen = await still.toEnd();
    expect(seen.length).to.be.at.most(slow.pulled);
    expect(still.ids).to.deep.equal(seen.map((_, i) => `e.${i + 1}`));
    expect(slow.returned).to.equal(1);
  });

  it('before the last byte is cut off too, and nothing was delivered', async () => {
    plays(used.door, new ScriptedStream(chunkEvent('x'.repeat(64_000_000)), 'end'));
    const client = await open(used.door);
    await used.door.logs.next('stream_cut');
    expect(used.door.backend.delivered).to.equal(0);
    await client.toEnd();
    expect(client.isComplete).to.equal(false);
  });

  it('and has room for all but the end of the stream is cut off as well', async () => {
    const client = await fillUp(used.door);
    await used.door.logs.next('stream_cut');
    expect(used.door.backend.delivered).to.equal(0);
    await client.toEnd();
    expect(client.isComplete).to.equal(false);
  });

  it('for a while only gets everything', async () => {
    const text = 'x'.repeat(CHUNK_BYTES);
    const frames = new ScriptedStream(...Array.from({ length: 80 }, () => chunkEvent(text)), 'end');
    plays(used.door, frames);
    const client = await open(used.door);
    await standsStill(frames);
    expect(frames.pulled).to.be.lessThan(80);
    const events = await client.toEnd();
    expect(client.isComplete).to.equal(true);
    expect(client.ids).to.deep.equal(events.map((_, i) => `e.${i + 1}`));
    expect(events).to.have.length(80);
  });

  it('never for long may take longer than that for one large event', async () => {
    plays(used.door, new ScriptedStream(chunkEvent('x'.repeat(24_000_000)), 'end'));
    const client = await open(used.door);
    const from = performance.now();
    client.response.on('data', () => {
      client.response.pause();
      setTimeout(() => client.response.resume(), 4);
    });
    client.read();
    await once(client.response, 'close');
    expect(performance.now() - from).to.be.greaterThan(1000);
    expect(client.response.complete).to.equal(true);
    expect(used.door.logs.of('stream_cut')).to.deep.equal([]);
    expect(used.door.backend.delivered).to.equal(1);
  });

  it('is no matter for calls that are not streams', async () => {
    plays(used.door, endless());
    await open(used.door);
    const reply = await post(
      used.door.url,
      JSON.stringify({ ...SEND, method: 'GetTask', params: { id: 'a' } }),
      V1,
    );
    expect(reply.json).to.have.property('result');
  });
});
