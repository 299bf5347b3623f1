/** What 0.3 and 0.1 have in common on the way in. */
import { z } from 'zod';
import type { PushConfig, Role } from '../model.ts';
import * as fields from './fields.ts';
import { present } from './present.ts';

/** A client speaks as the user: the agent's role is the server's to give. */
export const userRole = z
  .literal('user', { error: ({ input }) => (input == null ? 'is required' : 'must be user') })
  .transform((): Role => 'ROLE_USER');

/** The webhook as 0.x has it: A2A 0.3 §6.8, 0.1 §6.8. */
export const pushConfig = z
  .object({
    id: fields.optional(fields.id),
    url: fields.nonEmptyText,
    token: fields.optional(fields.text),
    authentication: fields.optional(
      z
        .object({ schemes: fields.listOf(fields.nonEmptyText, 1), credentials: fields.optional(fields.text) })
        .transform(present),
    ),
  })
  .transform((given): PushConfig => present(given));
