import type { RootDatabase } from 'lmdb';

export type DatabaseKey = (string | number)[];

export type JournalDatabase = RootDatabase<string, DatabaseKey>;

/** Encoded ids lie strictly between these. */
export const FIRST = '!';
export const LAST = '~';
