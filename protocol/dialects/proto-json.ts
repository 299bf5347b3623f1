/** What ProtoJSON accepts besides the canonical form. A2A 1.0 §5.5; https://protobuf.dev/programming-guides/json/ */
import { z } from 'zod';
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

/** A string without field presence, where the empty one is the unset one: encoders that print defaults send it. */
export function unsetWhenEmpty<T extends z.ZodType<string, string>>(schema: T) {
  return z.preprocess((value) => (value === '' ? undefined : value), optional(schema));
}

/** An int32 may be written as a string, and with an exponent. */
export function int32<T extends z.ZodType>(schema: T) {
  return z.preprocess(
    (value) =>
      typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value) ? Number(value) : value,
    schema,
  );
}
