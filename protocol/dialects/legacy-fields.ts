/** What 0.3 and 0.1 have in common on the way in. */
import { z } from 'zod';
import type { Role } from '../model.ts';

/** A client speaks as the user: the agent's role is the server's to give. */
export const userRole = z
  .literal('user', { error: ({ input }) => (input == null ? 'is required' : 'must be user') })
  .transform((): Role => 'ROLE_USER');
