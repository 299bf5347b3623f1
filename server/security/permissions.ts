/** Who may call what at all. Whose task or session it is comes after, and is never answered 403. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Operation } from '../../protocol/operations.ts';
import { CHALLENGE, type Principal } from './principal.ts';

/** What a role means to the server. `admin` may do whatever the others may. */
export const ROLES = ['peer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Operations that are not A2A's. */
export type OwnOperation = 'readMetrics' | 'erase';

/** The one table of what needs which role. Routes that are not here are open: the public card, /livez and /readyz. */
export const REQUIRED_ROLE: Readonly<Record<Operation | OwnOperation, Role>> = {
  sendMessage: 'peer',
  sendStreamingMessage: 'peer',
  getTask: 'peer',
  listTasks: 'peer',
  cancelTask: 'peer',
  subscribeToTask: 'peer',
  createPushConfig: 'peer',
  getPushConfig: 'peer',
  listPushConfigs: 'peer',
  deletePushConfig: 'peer',
  getExtendedCard: 'peer',
  readMetrics: 'operator',
  erase: 'admin',
};

/** RFC 6750 §3.1. */
const INSUFFICIENT = `${CHALLENGE}, error="insufficient_scope"`;

/** @throws {ProtocolError} PERMISSION_DENIED, HTTP 403 */
export function authorize(operation: Operation | OwnOperation, { roles }: Principal): void {
  const role = REQUIRED_ROLE[operation];
  if (roles.includes(role) || roles.includes('admin')) return;
  throw new ProtocolError('PERMISSION_DENIED', {
    message: `This operation needs the role ${role}`,
    metadata: { role },
    httpStatus: 403,
    challenge: INSUFFICIENT,
  });
}
