import type { Redis } from 'ioredis';
import type { DurationMs } from '../../../protocol/units.ts';
import type { Unwatch } from '../../sessions/instance-store.ts';
import { retryDelayMs } from './client.ts';

/** A hint that cannot be had at once is no reason to wait. */
const SUBSCRIBED_WITHIN_MS: DurationMs = 250;
const CHANNELS_AT_ONCE = 500;

export interface WakeupTimes {
  /** A frozen server keeps its connections: how often it is asked whether it lives. */
  readonly pingEveryMs: DurationMs;
  readonly pongWithinMs: DurationMs;
  /** How long a new connection may take: Sentinels are asked one after the other. */
  readonly readyWithinMs: DurationMs;
  /** Waits on one session follow each other: it is listened to for a little longer than it has to be. */
  readonly lingerMs: DurationMs;
}

const TIMES: WakeupTimes = { pingEveryMs: 3_000, pongWithinMs: 1_000, readyWithinMs: 3_000, lingerMs: 1_000 };

export interface HintListener {
  onMessage(message: string): void;
  /** Messages may have been lost; told once they come again. */
  onGap?(): void;
}

interface Channel {
  readonly listeners: Set<HintListener>;
  /** Those of them that believe to be listening, and are not. */
  readonly deaf: Set<HintListener>;
  /** Goes on with those that wait to be listening. */
  readonly waiting: Set<() => void>;
  isSubscribed: boolean;
  lingers: NodeJS.Timeout | undefined;
}

/** A connection like that one, for messages alone. */
export function createSubscriberLike(client: Redis): Redis {
  // what only listens has nothing to time out but its PINGs
  return client.duplicate({ commandTimeout: undefined, socketTimeout: undefined, autoResubscribe: false });
}

/**
 * Hears what others publish, over a connection of its own. Hints only: nothing here ever fails, and what cannot be had now
 * is tried again for as long as somebody listens. A connection that is lost is not mended but replaced: the next may lead
 * to another node.
 */
export class RedisWakeups {
  readonly #create: () => Redis;
  readonly #times: WakeupTimes;
  readonly #channels = new Map<string, Channel>();
  #client: Redis | undefined;
  #isReady = false;
  #attempts = 0;
  /** For the connection: to be ready, to be asked, to answer, to be made again. */
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** @param create makes a connection; asked for nothing before somebody listens */
  constructor(create: () => Redis, times: WakeupTimes = TIMES) {
    this.#create = create;
    this.#times = times;
  }

  /** Resolves when messages come, or after a short while. Never rejects. */
  async listen(name: string, listener: HintListener): Promise<Unwatch> {
    if (this.#closed) return () => undefined;
    const own = { ...listener };
    const channel = this.#channels.get(name) ?? this.#open(name);
    clearTimeout(channel.lingers);
    channel.listeners.add(own);
    if (this.#client === undefined && this.#timer === undefined) this.#connect();
    if (!channel.isSubscribed) await subscribed(channel);
    // in vain, or lost again meanwhile
    if (!channel.isSubscribed) channel.deaf.add(own);
    return () => {
      channel.deaf.delete(own);
      if (!channel.listeners.delete(own) || channel.listeners.size > 0 || this.#closed) return;
      channel.lingers = setTimeout(() => {
        this.#drop(name);
      }, this.#times.lingerMs).unref();
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const { lingers, waiting } of this.#channels.values()) {
      clearTimeout(lingers);
      for (const go of waiting) go();
    }
    this.#channels.clear();
    this.#client?.disconnect();
    this.#client = undefined;
  }

  #open(name: string): Channel {
    const channel: Channel = {
      listeners: new Set(),
      deaf: new Set(),
      waiting: new Set(),
      isSubscribed: false,
      lingers: undefined,
    };
    this.#channels.set(name, channel);
    if (this.#isReady) this.#subscribe([name]);
    return channel;
  }

  #drop(name: string): void {
    this.#channels.delete(name);
    // lost with the connection otherwise
    if (this.#isReady) this.#client?.unsubscribe(name).catch(() => undefined);
  }

  #connect(): void {
    const client = this.#create();
    const lose = (): void => {
      this.#lose(client);
    };
    this.#client = client;
    this.#timer = setTimeout(lose, this.#times.readyWithinMs).unref();
    // without a listener ioredis prints every failed attempt to the console
    client.on('error', () => undefined);
    client.on('ready', () => {
      this.#begin(client);
    });
    client.on('close', lose);
    client.on('end', lose);
    client.on('message', (name: string, message: string) => {
      for (const listener of this.#channels.get(name)?.listeners ?? []) listener.onMessage(message);
    });
    if (client.status === 'wait') client.connect().catch(lose);
  }

  #begin(client: Redis): void {
    if (client !== this.#client) return;
    clearTimeout(this.#timer);
    this.#isReady = true;
    const names = [...this.#channels.keys()];
    for (let i = 0; i < names.length; i += CHANNELS_AT_ONCE) {
      this.#subscribe(names.slice(i, i + CHANNELS_AT_ONCE));
    }
    this.#askLater(client);
  }

  #subscribe(names: readonly string[]): void {
    const client = this.#client;
    const channels = names.flatMap((name) => this.#channels.get(name) ?? []);
    const end = (isSubscribed: boolean): void => {
      if (client !== this.#client) return;
      for (const channel of channels) {
        channel.isSubscribed = isSubscribed;
        for (const go of channel.waiting) go();
        if (!isSubscribed) continue;
        for (const listener of channel.deaf) listener.onGap?.();
        channel.deaf.clear();
      }
    };
    client?.subscribe(...names).then(
      () => {
        end(true);
      },
      () => {
        // not our right to listen there, perhaps: the safety polls have to do
        end(false);
      },
    );
  }

  #askLater(client: Redis): void {
    this.#timer = setTimeout(() => {
      const timer = setTimeout(() => {
        // timers run before I/O: an answer that has arrived meanwhile gets its turn first
        setImmediate(() => {
          if (this.#timer === timer) this.#lose(client);
        });
      }, this.#times.pongWithinMs).unref();
      this.#timer = timer;
      const isAlive = (): void => {
        if (client !== this.#client || this.#timer !== timer) return;
        clearTimeout(timer);
        this.#attempts = 0;
        this.#askLater(client);
      };
      // a refusal is an answer, and of a lost connection its `close` tells
      client.ping().then(isAlive, (error: unknown) => {
        if (error instanceof Error && error.name === 'ReplyError') isAlive();
      });
    }, this.#times.pingEveryMs).unref();
  }

  #lose(client: Redis): void {
    if (client !== this.#client) return;
    clearTimeout(this.#timer);
    client.disconnect();
    this.#client = undefined;
    this.#isReady = false;
    for (const channel of this.#channels.values()) {
      if (channel.isSubscribed) for (const listener of channel.listeners) channel.deaf.add(listener);
      channel.isSubscribed = false;
    }
    this.#attempts += 1;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        if (this.#channels.size > 0) this.#connect();
      },
      retryDelayMs(this.#attempts, Math.random()),
    ).unref();
  }
}

function subscribed({ waiting }: Channel): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      waiting.delete(go);
      resolve();
    };
    const timer = setTimeout(go, SUBSCRIBED_WITHIN_MS).unref();
    waiting.add(go);
  });
}
