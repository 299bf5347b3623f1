/** What the walks of a Redis make of names and members. */
import { spaceOf } from '../../security/space.ts';
import { decodeId } from '../encoded-ids.ts';
import type { Stray, StrayKind } from '../inspection.ts';

/** Member and score, or field and value. */
export type Entry = readonly [string, string];

/** Of the id of a task, or a session itself. */
export const sessionOf = (member: string): string => member.slice(0, (member + '.').indexOf('.'));

export function toStray(kind: StrayKind, place: string, index: string, member: string): Stray {
  const [sessionId = '', local] = member.split('.').map(decodeId);
  return { kind, ref: { tenant: place, sessionId }, index, ...(local !== undefined && { local }) };
}

export const placeOf = (tenant: string, subject: string | undefined): string =>
  subject === undefined ? tenant : spaceOf('subject', { tenant, subject });
