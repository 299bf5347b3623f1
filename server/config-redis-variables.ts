import { z } from 'zod';
import { addresses, anyText, flag, isHost, optional, variable } from './config-kinds.ts';

/** Where Redis is, as whom, and how it is trusted. */
export const REDIS_VARIABLES = {
  REDIS_URL: variable(anyText, {
    unit: 'URL',
    secret: true,
    effect:
      'Keeps sessions in this Redis: `redis://host:6379/0`, `rediss://…` for TLS, `unix:///path/redis.sock?db=0` for a socket.',
  }),
  REDIS_HOST: variable(anyText, {
    unit: 'address',
    effect: 'The same in parts, instead of REDIS_URL. A value that starts with `/` is a Unix socket.',
  }),
  REDIS_PORT: variable(anyText, {
    unit: 'TCP port',
    effect:
      'Port beside REDIS_HOST, 1 to 65535; 6379 when not set. Without REDIS_HOST it is not looked at, because container platforms set it on their own.',
  }),
  REDIS_CLUSTER_NODES: variable(addresses(6379), {
    unit: 'addresses',
    secret: true,
    effect:
      'Keeps sessions in this Redis Cluster (Redis 7 or later): some of its nodes, `host:port,host:port`. The others are found through them.',
  }),
  REDIS_SENTINELS: variable(addresses(26_379), {
    unit: 'addresses',
    secret: true,
    effect:
      'Keeps sessions in the Redis that is the master by the word of these Sentinels, `host:port,host:port`. Follows it when they promote another.',
  }),
  REDIS_SENTINEL_NAME: variable(anyText, {
    unit: 'text',
    effect:
      'What the Sentinels call the master (`sentinel monitor <name> …`). Required with REDIS_SENTINELS.',
  }),
  REDIS_SENTINEL_USERNAME: variable(anyText, {
    unit: 'text',
    effect: 'ACL user of the Sentinels themselves; not that of the master.',
  }),
  REDIS_SENTINEL_PASSWORD: variable(anyText, {
    unit: 'text',
    secret: true,
    effect: 'Password of the Sentinels themselves; not that of the master.',
  }),
  REDIS_USERNAME: variable(anyText, { unit: 'text', effect: 'ACL user, unless REDIS_URL names one.' }),
  REDIS_PASSWORD: variable(anyText, {
    unit: 'text',
    secret: true,
    effect: 'Password, unless REDIS_URL has one.',
  }),
  REDIS_DB: variable(anyText, {
    unit: 'number',
    effect:
      'Database number, 0 to 999999, unless REDIS_URL names one; 0 when not set. A cluster has no other than 0.',
  }),
  REDIS_TLS: variable(flag(undefined), {
    unit: 'flag',
    effect:
      'TLS with verified certificates, to every node, and to the Sentinels too. `rediss://` says so already.',
  }),
  REDIS_TLS_CA_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'PEM file with the authorities that may have signed the certificates of Redis, instead of those that Node.js trusts. Read at the start.',
  }),
  REDIS_TLS_CERT_FILE: variable(anyText, {
    unit: 'path',
    effect:
      'PEM file with the certificate that the server shows to Redis. Needs REDIS_TLS_KEY_FILE. Read at the start.',
  }),
  REDIS_TLS_KEY_FILE: variable(anyText, {
    unit: 'path',
    effect: 'PEM file with the private key of REDIS_TLS_CERT_FILE, without a passphrase. Read at the start.',
  }),
  REDIS_TLS_SERVERNAME: variable(
    optional<string>('a host name', z.string().refine(isHost, 'must be a host name')),
    {
      unit: 'host name',
      effect:
        'Which name the certificates must be for, when it is not the one that Redis is reached by: behind a tunnel, or where a cluster tells IP addresses.',
    },
  ),
} as const;
