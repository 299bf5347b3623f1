import type { Redis } from 'ioredis';
import type { StoreWarning } from '../../sessions/instance-store.ts';
import type { RedisClient } from './client.ts';

/**
 * How these servers are set up, as INFO says it: the client needs that right in any case, and CONFIG would show passwords.
 * All our keys have a life, so that a policy of `volatile-*` takes sessions like any other.
 */
export async function findWarnings(client: RedisClient): Promise<readonly StoreWarning[]> {
  const setups = await Promise.all(mastersOf(client).map(setupOf));
  const warnings: StoreWarning[] = [];
  const evicting = setups.find(
    ({ maxmemory, policy }) => maxmemory > 0 && policy !== undefined && policy !== 'noeviction',
  );
  if (evicting !== undefined) {
    const text =
      `maxmemory-policy is ${evicting.policy ?? ''} and maxmemory ${evicting.maxmemory} bytes: sessions vanish when ` +
      'memory is full. Set maxmemory-policy to noeviction.';
    warnings.push({ concern: 'evicts', text });
  }
  if (setups.some(({ appends }) => appends === false)) {
    const text =
      'appendonly is no: a restart of Redis loses what was written after its last snapshot, and every session when it ' +
      'takes none. Set appendonly to yes.';
    warnings.push({ concern: 'volatile', text });
  }
  return warnings;
}

/** Of a cluster each has a part of the sessions, and its own settings. */
const mastersOf = (client: RedisClient): readonly Redis[] =>
  'nodes' in client ? client.nodes('master') : [client];

async function setupOf(client: Redis) {
  const [memory, persistence] = await Promise.all([infoOf(client, 'memory'), infoOf(client, 'persistence')]);
  const appends = persistence.get('aof_enabled');
  return {
    maxmemory: Number(memory.get('maxmemory') ?? 0),
    policy: memory.get('maxmemory_policy'),
    /** Undefined: it does not say. */
    appends: appends === undefined ? undefined : appends === '1',
  };
}

/** What a server refuses to say is no warning: somebody else runs it. */
async function infoOf(client: Redis, section: string): Promise<ReadonlyMap<string, string>> {
  try {
    const lines = (await client.info(section)).split('\r\n').map((line) => line.split(':'));
    return new Map(lines.map(([name = '', value = '']) => [name, value]));
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return new Map();
    throw error;
  }
}
