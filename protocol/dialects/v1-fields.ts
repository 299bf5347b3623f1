/** What requests of 1.0 have in common. */
import * as fields from './fields.ts';
import { int32 } from './proto-json.ts';

/** Every request of 1.0 may have it. Whether it is the caller's own is for the server to say. */
export const tenant = fields.unsetWhenEmpty(fields.id);

/** Absent asks for all there is, 0 for nothing. A2A 1.0 §3.2.4. */
export const historyLength = fields.optional(int32(fields.count));
