/**
 * Shifts the wall clock of a process, as on a machine whose clock is wrong: `Date.now()`, `new Date()` and `Date()` are
 * off by HOLDFAST_CLOCK_SHIFT_MS milliseconds; `performance.now()` and timers, which no clock sets, are not.
 *
 *     NODE_OPTIONS=--import=/…/clock-shift.mjs HOLDFAST_CLOCK_SHIFT_MS=-900000 node dist/server/main.js
 */
import process from 'node:process';

const shiftMs = Number(process.env.HOLDFAST_CLOCK_SHIFT_MS ?? 0);
if (!Number.isInteger(shiftMs)) throw new TypeError('HOLDFAST_CLOCK_SHIFT_MS is whole milliseconds');

const RealDate = globalThis.Date;
const now = () => RealDate.now() + shiftMs;

/** A proxy and no class of its own: `instanceof`, statics and the prototype stay those of `Date`. */
const ShiftedDate = new Proxy(RealDate, {
  construct: (target, parts, newTarget) =>
    Reflect.construct(target, parts.length === 0 ? [now()] : parts, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});
RealDate.prototype.constructor = ShiftedDate;
globalThis.Date = ShiftedDate;
