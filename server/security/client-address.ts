import type { IncomingMessage } from 'node:http';
import { isIPv4, isIPv6 } from 'node:net';
import { groupsOf } from './address-rules.ts';

/**
 * Whom a request comes from, as far as that can be told: the address of the socket, or, behind proxies that are known,
 * what the outermost of them has seen. What is left of that in `X-Forwarded-For` anybody may have written.
 *
 * @param hops how many proxies add to the header; 0: it is not read
 */
export function clientAddress({ socket, headers }: IncomingMessage, hops: number): string {
  const direct = socket.remoteAddress ?? '';
  if (hops === 0) return toNetwork(direct);
  const header = headers['x-forwarded-for'];
  const entries = (Array.isArray(header) ? header.join() : (header ?? '')).split(',');
  const claimed = entries.at(-hops)?.trim() ?? '';
  return toNetwork(isIPv4(claimed) || isIPv6(claimed) ? claimed : direct);
}

/** Who has one IPv6 address as a rule has 2^64 of them: those count as one. */
function toNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  if (address.startsWith('::ffff:') && isIPv4(address.slice(7))) return address.slice(7);
  const [plain = ''] = address.split('%');
  const groups = groupsOf(plain);
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::`;
}
