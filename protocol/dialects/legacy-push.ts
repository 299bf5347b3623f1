/** What the webhooks of 0.3 and 0.1 have in common. */
import { z } from 'zod';
import type { PushConfig } from '../model.ts';
import type { JsonObject } from '../units.ts';
import * as fields from './fields.ts';
import { present } from './present.ts';
import { authSchemes, optionalSecret, webhookUrl } from './webhook-fields.ts';

const webhook = z.object({
  url: webhookUrl,
  token: optionalSecret,
  authentication: fields.optional(
    z.object({ schemes: authSchemes, credentials: optionalSecret }).transform(present),
  ),
});

/** The webhook as 0.1 has it (§6.8): one for each task, without an id of its own. */
export const pushConfigV01 = webhook.transform((given): PushConfig => present(given));

/** The webhook as 0.3 has it (§6.8). */
export const pushConfigV03 = webhook
  .extend({ id: fields.optional(fields.id) })
  .transform((given): PushConfig => present(given));

/** A webhook as its owner is shown it, but for its id: never with `authentication.credentials`. */
export function toLegacyConfig({ url, token, authentication }: PushConfig): JsonObject {
  return present({ url, token, authentication: authentication && { schemes: authentication.schemes } });
}
