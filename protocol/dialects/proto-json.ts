/** What ProtoJSON accepts besides the canonical form. A2A 1.0 §5.5; https://protobuf.dev/programming-guides/json/ */
import { z } from 'zod';
import type { EpochMs } from '../units.ts';
import { protoName } from './decode.ts';
import { optional } from './fields.ts';

/** An object whose members may also be given by their names in the proto file: `message_id` for `messageId`. */
export function protoObject<S extends z.ZodRawShape>(shape: S) {
  const renamed = Object.keys(shape)
    .map((name) => ({ name, proto: protoName(name) }))
    .filter(({ name, proto }) => name !== proto);

  function rename(given: unknown, ctx: z.RefinementCtx): unknown {
    if (typeof given !== 'object' || given === null) return given;
    const found = renamed.filter(({ proto }) => valueOf(given, proto) !== undefined);
    if (found.length === 0) return given;
    const members = new Map(Object.entries(given));
    for (const { name, proto } of found) {
      if (valueOf(given, name) !== undefined) {
        ctx.addIssue({ code: 'custom', message: `is given as ${name} as well`, path: [proto], input: given });
      }
      members.set(name, members.get(proto));
    }
    return Object.fromEntries(members);
  }
  return z.preprocess(rename, z.object(shape));
}

function valueOf(holder: object, name: string): unknown {
  return Object.hasOwn(holder, name) ? (Reflect.get(holder, name) ?? undefined) : undefined;
}

/** An int32 may be written as a string, and with an exponent. */
export function int32<T extends z.ZodType>(schema: T) {
  return z.preprocess(
    (value) =>
      typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : value,
    schema,
  );
}

/**
 * An enum by its name or its number. The value 0 is the unset one, and so is the empty string that some encoders print.
 * @param names the values from 1 on, in the order of the proto file
 * @param unset the name of the value 0
 */
export function optionalEnum<const T extends string>(names: readonly T[], unset: string) {
  const known = z.literal([...names, ...names.map((_name, index) => index + 1)], {
    error: `must be one of ${names.join(', ')}`,
  });
  return z
    .preprocess(
      (value) => (value === unset || value === 0 || value === '' ? undefined : value),
      optional(known),
    )
    .transform((value) => (typeof value === 'number' ? names[value - 1] : value));
}

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
/** Of a `google.protobuf.Timestamp`: the years 1 to 9999. */
const [FIRST_MS, LAST_MS] = [-62_135_596_800_000, 253_402_300_799_999];

/** A moment with any offset from UTC. What is finer than a millisecond counts as a whole one: no later than `since`. */
export const timestamp = z.string().transform((value, ctx): EpochMs => {
  const at = toEpochMs(value);
  if (at !== undefined) return at;
  const message = 'must be an RFC 3339 timestamp, such as 2026-01-02T03:04:05.678Z';
  ctx.addIssue({ code: 'custom', message, input: value });
  return z.NEVER;
});

/** @returns the first whole millisecond that is not before the moment */
function toEpochMs(value: string): EpochMs | undefined {
  const [, date, time, fraction = '', sign, hours = '0', minutes = '0'] = RFC_3339.exec(value) ?? [];
  if (date === undefined || time === undefined || Number(hours) > 23 || Number(minutes) > 59)
    return undefined;
  const local = Date.parse(`${date}T${time}Z`);
  // the 30th of February is read as a day in March, and 24:00 as the next day
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(`${date}T${time}`)) return undefined;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  // in digits, not in floating point: 0.123000001 s is more than 123 ms
  const digits = fraction.padEnd(9, '0');
  const fractionMs = Number(digits.slice(0, 3)) + (Number(digits.slice(3)) > 0 ? 1 : 0);
  const at = local - offset + fractionMs;
  return at >= FIRST_MS && local - offset <= LAST_MS ? at : undefined;
}
