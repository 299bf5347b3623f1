/** The shapes of 0.1, for which there is no official decoder: strict, so that a member it does not have is found. */
import { z } from 'zod';
import type { JsonValue } from '../../protocol/units.ts';

const metadata = z.record(z.string(), z.unknown()).optional();
const part = z.union([
  z.strictObject({ type: z.literal('text'), text: z.string(), metadata }),
  z.strictObject({
    type: z.literal('file'),
    file: z.strictObject({
      name: z.string().optional(),
      mimeType: z.string().optional(),
      bytes: z.string().optional(),
      uri: z.string().optional(),
    }),
    metadata,
  }),
  z.strictObject({
    type: z.literal('data'),
    data: z.union([z.record(z.string(), z.unknown()), z.array(z.unknown())]),
    metadata,
  }),
]);
const message = z.strictObject({ role: z.enum(['user', 'agent']), parts: z.array(part).min(1), metadata });
const status = z.strictObject({
  state: z.enum(['submitted', 'working', 'input-required', 'completed', 'canceled', 'failed', 'unknown']),
  message: message.optional(),
  timestamp: z.string(),
});
const artifact = z.strictObject({
  name: z.string().optional(),
  description: z.string().optional(),
  parts: z.array(part),
  index: z.number().int().min(0),
  append: z.boolean().optional(),
  lastChunk: z.boolean().optional(),
  metadata,
});
const task = z.strictObject({
  id: z.string(),
  sessionId: z.string(),
  status,
  artifacts: z.array(artifact).optional(),
  history: z.array(message).optional(),
  metadata,
});
const event = z.union([
  z.strictObject({ id: z.string(), status, final: z.boolean(), metadata }),
  z.strictObject({ id: z.string(), artifact, metadata }),
]);
const push = z
  .strictObject({
    id: z.string(),
    pushNotificationConfig: z
      .strictObject({
        url: z.string(),
        token: z.string().optional(),
        authentication: z.strictObject({ schemes: z.array(z.string()).min(1) }).optional(),
      })
      .nullable(),
  })
  .nullable();

const RESULTS: Readonly<Record<string, z.ZodType>> = {
  'tasks/send': task,
  'tasks/get': task,
  'tasks/cancel': task,
  'tasks/sendSubscribe': event,
  'tasks/resubscribe': event,
  'tasks/pushNotification/set': push,
  'tasks/pushNotification/get': push,
};

export function expectV01(method: string, result: JsonValue): void {
  const shape = RESULTS[method];
  if (shape === undefined) throw new Error(`no shape is known for ${method}`);
  const { error } = shape.safeParse(result);
  if (error !== undefined) throw new Error(`${method}: ${z.prettifyError(error)}\n${JSON.stringify(result)}`);
}
