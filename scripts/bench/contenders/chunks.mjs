/** How agents of the bench say that they stream: `chunks <how many> <ms before the first>`, and what the chunks are. */
import { setImmediate, setTimeout } from 'node:timers/promises';

const FORM = /^chunks (\d{1,5}) (\d{1,5})$/;
const CHUNK_BYTES = 100;

/**
 * Chunks of 100 bytes, as fast as whoever publishes them lets go of the event loop.
 *
 * @returns undefined when the text asks for something else
 */
export function chunksIn(text) {
  const [, count, waitMs] = FORM.exec(text) ?? [];
  return count === undefined ? undefined : texts(Number(count), Number(waitMs));
}

async function* texts(count, waitMs) {
  await setTimeout(waitMs);
  for (let n = 0; n < count; n += 1) {
    yield { text: `chunk ${n} `.padEnd(CHUNK_BYTES, '.'), isFirst: n === 0, isLast: n === count - 1 };
    await setImmediate();
  }
}
