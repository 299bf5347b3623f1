import { Redis } from 'ioredis';
import type { RedisOptions } from 'ioredis';
import { insistOnDatabase } from './ioredis-faults.ts';

const AGAIN_MS = 500;

/**
 * A client that only its owner can end. ioredis 5.11 ends one by itself, for ever, when the news of a failover arrives
 * while it is asking a Sentinel for the master: the watcher of the last connection calls off the attempt at the next.
 */
export class LastingRedis extends Redis {
  #isLeft = false;

  constructor(options: RedisOptions) {
    super(options);
    insistOnDatabase(this);
    this.on('end', () => {
      // the owner may be about to say so
      setTimeout(() => {
        if (!this.#isLeft && this.status === 'end') this.connect().catch(() => undefined);
      }, AGAIN_MS).unref();
    });
  }

  override disconnect(reconnect = false): void {
    if (!reconnect) this.#isLeft = true;
    super.disconnect(reconnect);
  }
}
