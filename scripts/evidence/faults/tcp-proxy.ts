import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Bytes, DurationMs } from '../../../protocol/units.ts';
import { ProxyLane } from './proxy-lane.ts';

/** Seen from the proxy: what the client says, and what it is answered. */
export type Direction = 'toServer' | 'toClient';

export type ProxyTarget = { readonly host: string; readonly port: number } | { readonly path: string };

/** What happens to bytes of one direction. */
interface Weather {
  delayMs: DurationMs;
  /** Bytes that a connection still passes before it breaks; asked once for each connection. */
  cutAfter: (() => Bytes) | undefined;
  /** `hold` keeps them until it heals, as TCP does over a network that is gone for a while; `swallow` loses them. */
  stopped: 'hold' | 'swallow' | undefined;
}

const fine = (): Weather => ({ delayMs: 0, cutAfter: undefined, stopped: undefined });

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  readonly lanes: Readonly<Record<Direction, ProxyLane>>;
  /** An end of it was kept from the other, or bytes were: it cannot go on. */
  isTorn: boolean;
}

const BOTH: readonly Direction[] = ['toServer', 'toClient'];

/**
 * A network between clients and a server, in this process: it delays, breaks connections in the middle of an answer,
 * keeps TCP alive and passes nothing, refuses, and heals. Listens on a free port of 127.0.0.1, the same one for ever.
 */
export class TcpProxy {
  readonly port: number;
  /** Connections that were broken half-way by {@link cutAfter}. */
  cuts = 0;
  readonly #target: ProxyTarget;
  readonly #pairs = new Set<Pair>();
  readonly #weather: Record<Direction, Weather> = { toServer: fine(), toClient: fine() };
  #door: Server | undefined;

  private constructor(target: ProxyTarget, door: Server) {
    this.#target = target;
    this.#door = door;
    this.port = (door.address() as AddressInfo).port;
    door.on('connection', this.#accept);
  }

  static async start(target: ProxyTarget): Promise<TcpProxy> {
    return new TcpProxy(target, await listen(0));
  }

  /** Connections that are open through it. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** Every byte of a direction is so much later, in order. */
  delay(direction: Direction, ms: DurationMs): void {
    this.#weather[direction].delayMs = ms;
    this.#apply(direction);
  }

  /**
   * Every connection, open or new, is reset once so many more bytes of a direction have passed, in the middle of whatever
   * is being said.
   *
   * @param bytes asked once for each connection
   */
  cutAfter(direction: Direction, bytes: () => Bytes): void {
    this.#weather[direction].cutAfter = bytes;
    for (const { lanes } of this.#pairs) lanes[direction].passes(bytes());
  }

  /** Half-open: TCP stays up, and nothing of a direction comes out until it heals; then all of it does. */
  hold(direction: Direction): void {
    this.#stop(direction, 'hold');
  }

  /** Half-open: TCP stays up, and what is said in a direction is lost. Who lost something is reset when it heals. */
  swallow(direction: Direction): void {
    this.#stop(direction, 'swallow');
  }

  /** Resets every connection; new ones are welcome. */
  drop(): void {
    for (const pair of this.#pairs) this.#reset(pair);
  }

  /** New connections meet a closed port. Open ones stay. */
  refuse(): void {
    this.#door?.close();
    this.#door = undefined;
  }

  /** All of it is over. */
  async heal(): Promise<void> {
    for (const direction of BOTH) Object.assign(this.#weather[direction], fine());
    for (const pair of [...this.#pairs]) if (pair.isTorn) this.#reset(pair);
    for (const direction of BOTH) this.#apply(direction);
    if (this.#door !== undefined) return;
    const door = await listen(this.port);
    door.on('connection', this.#accept);
    this.#door = door;
  }

  async close(): Promise<void> {
    this.drop();
    const door = this.#door;
    this.#door = undefined;
    if (door === undefined) return;
    door.close();
    await once(door, 'close');
  }

  #stop(direction: Direction, how: 'hold' | 'swallow'): void {
    this.#weather[direction].stopped = how;
    this.#apply(direction);
  }

  #apply(direction: Direction): void {
    for (const { lanes } of this.#pairs) this.#give(lanes[direction], direction);
  }

  #give(lane: ProxyLane, direction: Direction): void {
    const { delayMs, stopped, cutAfter } = this.#weather[direction];
    if (cutAfter === undefined) lane.passes(Infinity);
    lane.delayMs = delayMs;
    lane.stopped = stopped;
    lane.go();
  }

  readonly #accept = (client: Socket): void => {
    const server = connect({ ...this.#target, allowHalfOpen: true });
    client.setNoDelay(true);
    server.setNoDelay(true);
    const torn = (): void => {
      pair.isTorn = true;
    };
    const cut = (): void => {
      if (!this.#pairs.has(pair)) return;
      this.cuts += 1;
      this.#reset(pair);
    };
    const lanes = {
      toServer: new ProxyLane(client, server, { torn, cut }),
      toClient: new ProxyLane(server, client, { torn, cut }),
    };
    const pair: Pair = { client, server, lanes, isTorn: false };
    this.#pairs.add(pair);
    for (const direction of BOTH) {
      lanes[direction].passes(this.#weather[direction].cutAfter?.() ?? Infinity);
      this.#give(lanes[direction], direction);
    }
    for (const [socket, direction] of [
      [client, 'toServer'],
      [server, 'toClient'],
    ] as const) {
      // Its `close` follows, and is all that matters.
      socket.on('error', () => undefined);
      socket.once('close', (hadError) => {
        this.#closed(pair, direction, hadError);
      });
    }
  };

  /** @param direction that of what the closed socket said; its end, unless it broke, goes the way of all it said */
  #closed(pair: Pair, direction: Direction, hadError: boolean): void {
    if (pair.client.destroyed && pair.server.destroyed) this.#pairs.delete(pair);
    else if (!hadError) return;
    else if (this.#weather[direction].stopped === undefined) this.#reset(pair);
    else pair.isTorn = true;
  }

  #reset(pair: Pair): void {
    this.#pairs.delete(pair);
    for (const direction of BOTH) pair.lanes[direction].close();
    for (const socket of [pair.client, pair.server]) if (!socket.destroyed) socket.resetAndDestroy();
  }
}

async function listen(port: number): Promise<Server> {
  const door = createServer({ allowHalfOpen: true }).listen(port, '127.0.0.1');
  await once(door, 'listening');
  return door;
}
