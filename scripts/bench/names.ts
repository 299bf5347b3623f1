/** How contenders and workloads are called, in the report and in the goals. */
export const REDIS = 'Holdfast, Redis';
export const EXCLUSIVE = 'Holdfast, Redis, exclusive';
export const LMDB = 'Holdfast, LMDB';
export const MEMORY = 'Holdfast, memory';
export const WHOLE = 'Holdfast, whole session as one JSON value';
export const SDK = '@a2a-js/sdk, in memory';
export const SQLITE = '@a2a-js/sdk, SQLite';
export const EXPRESS = 'Express + jayson, stores nothing';
export const NODE = 'node:http + jayson, stores nothing';
export const BARE = 'HGETALL + JSON.parse';

export const SEND = 'send';
export const AGING = 'aging';
export const GET = 'get';
export const STREAM = 'stream';
export const REHYDRATE = 'rehydrate';
export const MANY = 'many';
export const HEAP = 'heap';
export const WORKERS = 'workers';
export const COSTS = 'costs';

const grouped = (count: number): string => count.toLocaleString('en-US');

export const sendOf = (bytes: number): string =>
  `${bytes < 1_000 ? `${bytes} B` : `${bytes / 1_000} kB`}, new sessions`;
export const LIVE = '200 B, one of 1,000 live sessions';
export const nthOf = (n: number): string => `message ${grouped(n)} of one session`;
export const POLLED = 'cached';
export const EVICTED = 'after eviction';
export const listenersOf = (count: number): string => `${count} listener${count === 1 ? '' : 's'}`;
export const STREAM_BYTES = 'what it writes to its store';
export const recordsOf = (count: number): string => `${grouped(count)} records`;
export const workersOf = (count: number): string => `${count} worker${count === 1 ? '' : 's'}`;
export const ALL_WORKERS = 'blocking send of 200 B, new sessions';
export const HIT = 'blocking send, session in memory';
export const FRESH = 'blocking send, new session';
export const RESTARTED = 'first send after a restart';
export const TEXT_2K = 'blocking send of 2 kB';
export const LISTED = 'list of 100 tasks among them';
export const STARTED = 'start, until a stored task is answered';
export const STARTED_EMPTY = 'start on an empty store, until a task is answered';
export const HEAP_VARIANT = '5 echoed sends of 200 B';
