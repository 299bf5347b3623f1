/** Doors whose streams a test plays. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { sendV1, V1 } from '../helpers/rpc.ts';
import { eventually } from '../helpers/eventually.ts';
import { chunkEvent, ScriptedStream, taskEvent } from '../helpers/scripted-stream.ts';
import { SseClient, type StreamDoor } from '../helpers/sse.ts';

export const SEND = { jsonrpc: '2.0', id: 1, method: 'SendStreamingMessage', params: sendV1('m1', 'hi') };
export const BODY = JSON.stringify(SEND);

export function plays(door: StreamDoor, ...streams: ScriptedStream[]): void {
  const [last = new ScriptedStream('end')] = streams.slice(-1);
  door.backend.onStream = () => door.backend.streamOf(streams.shift() ?? last);
}

export const open = (door: StreamDoor): Promise<SseClient> => SseClient.open(door.url, SEND, V1);

/** The server's end of the next connection. */
export async function nextConnection(door: StreamDoor): Promise<Socket> {
  const [socket] = (await once(door.server, 'connection')) as [Socket];
  return socket;
}

/** Far more than the buffers of both kernels hold. */
export const CHUNKS = 400;
export const CHUNK_BYTES = 262_144;

export function endless(): ScriptedStream {
  const frames = new ScriptedStream();
  const text = 'x'.repeat(CHUNK_BYTES);
  let left = CHUNKS;
  frames.supply = () => (left-- > 0 ? chunkEvent(text) : undefined);
  return frames;
}

/** Waits until nobody asks for events any more. */
export async function standsStill(frames: ScriptedStream): Promise<void> {
  let before = -1;
  let same = 0;
  await eventually(() => {
    same = frames.pulled === before && before > 0 ? same + 1 : 0;
    before = frames.pulled;
    return same > 20;
  });
}

/** Gives events until something of them waits in the socket, and the stream has ended with it. */
export async function fillUp(door: StreamDoor): Promise<SseClient> {
  const frames = new ScriptedStream(taskEvent());
  plays(door, frames);
  const connection = nextConnection(door);
  const client = await open(door);
  const ours = await connection;
  while (ours.writableLength === 0) {
    await frames.isAwaited();
    frames.give(chunkEvent('x'.repeat(8_000)));
    await frames.isAwaited();
    await turn();
  }
  frames.give('end');
  return client;
}
