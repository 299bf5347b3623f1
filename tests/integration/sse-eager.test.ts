import { expect } from 'chai';
import type { StreamEvent } from '../../protocol/model.ts';
import { sendV1, V1 } from '../helpers/rpc.ts';
import { chunkEvent, ScriptedStream } from '../helpers/scripted-stream.ts';
import { SseClient, useStreamDoor } from '../helpers/sse.ts';

const SEND = { jsonrpc: '2.0', id: 'q1', method: 'SendStreamingMessage', params: sendV1('m1', 'hi') };

describe('a stream of which much is ready', () => {
  const used = useStreamDoor();
  const open = (): Promise<SseClient> => SseClient.open(used.door.url, SEND, V1);
  const plays = (frames: ScriptedStream): ScriptedStream => {
    used.door.backend.onStream = () => used.door.backend.streamOf(frames, 'v1');
    return frames;
  };

  it('tells what is ready at once, each once and in order, up to its end', async () => {
    const texts = Array.from({ length: 500 }, (_, i) => `chunk ${i}`.padEnd(i, '.'));
    const frames = plays(new ScriptedStream(...texts.map((text) => chunkEvent(text))));
    frames.isEager = true;
    const client = await open();
    await client.until(() => client.events.length === texts.length);
    frames.give(chunkEvent('last'), 'end');
    await client.toEnd();
    expect(client.results.at(-1)).to.have.nested.property('artifactUpdate.artifact.parts[0].text', 'last');
    expect(client.ids).to.deep.equal(Array.from({ length: 501 }, (_, i) => `e.${i + 1}`));
    expect(client.isComplete).to.equal(true);
  });

  it('tells of what cannot be told behind what is ready, and ends with it', async () => {
    const broken = { kind: 'artifactUpdate' } as unknown as StreamEvent;
    const frames = plays(new ScriptedStream(chunkEvent('a'), chunkEvent('b'), broken, chunkEvent('c')));
    frames.isEager = true;
    const client = await open();
    await client.toEnd();
    expect(client.ids).to.deep.equal(['e.1', 'e.2', undefined]);
    expect(client.events.at(-1)?.data.error).to.include({ code: -32603 });
    expect([client.isComplete, frames.returned]).to.deep.equal([true, 1]);
  });
});
