/** Milliseconds since 1970-01-01T00:00:00Z. */
export type EpochMs = number;
/** A span of time in milliseconds. */
export type DurationMs = number;
/** A size in bytes (UTF-8 where it is text). */
export type Bytes = number;

/** What JSON can say. */
export type JsonValue = string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue };
export type JsonObject = Record<string, JsonValue>;

/** In front of it lie the moments that are read from a store, and behind it those of this process. */
const NEARBY: EpochMs = Date.now();

/**
 * A moment as it is best kept in memory: for weeks around the start of this process it is a small integer, while V8 makes
 * an object of its own of a number of more than 31 bits, wherever one stands.
 */
export const toNear = (at: EpochMs): DurationMs => at - NEARBY;
export const fromNear = (near: DurationMs): EpochMs => near + NEARBY;

let lastAt: EpochMs | undefined;
let lastTimestamp = '';

/** A2A 1.0 §5.6.1: UTC, milliseconds, `Z`. The last one is kept: one answer says the same moment several times. */
export function toTimestamp(at: EpochMs): string {
  if (at !== lastAt) {
    lastTimestamp = new Date(at).toISOString();
    lastAt = at;
  }
  return lastTimestamp;
}
