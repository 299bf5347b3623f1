import { createHash } from 'node:crypto';
import { invalidParams } from '../../protocol/errors.ts';

const DIGEST_BYTES = 12;

/**
 * Where a list goes on, as an opaque token: base64url of a digest and the place. The digest binds it to whoever asked and
 * to what was asked for; it is no secret, because a place says nothing that its caller may not know.
 *
 * @param scope caller and filter, as JSON values
 */
export function toPageToken(place: string, scope: readonly unknown[]): string {
  return Buffer.concat([digestOf(place, scope), Buffer.from(place)]).toString('base64url');
}

/** @throws {ProtocolError} INVALID_PARAMS naming `pageToken`: damaged, or of another caller, list or filter */
export function readPageToken(token: string, scope: readonly unknown[]): string {
  const bytes = Buffer.from(token, 'base64url');
  const place = bytes.subarray(DIGEST_BYTES).toString();
  // compared as text: decoding passes over what is not base64url, and over bytes that are not UTF-8
  if (bytes.length > DIGEST_BYTES && toPageToken(place, scope) === token) return place;
  throw invalidParams({
    field: 'pageToken',
    description: 'must be the nextPageToken of an earlier page of the same list, with the same filters',
  });
}

function digestOf(place: string, scope: readonly unknown[]): Buffer {
  const hash = createHash('sha256').update(JSON.stringify([place, ...scope]));
  return hash.digest().subarray(0, DIGEST_BYTES);
}
