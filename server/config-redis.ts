import { parseUrl } from '../protocol/parse-url.ts';
import { type Complain, type HostPort, isHost } from './config-kinds.ts';
import { readRedisTls, type RedisTls } from './config-redis-tls.ts';
import type { Values } from './config-variables.ts';

/** One server, some nodes of a cluster, or the Sentinels who know which server it is. */
export type RedisPlace =
  | HostPort
  | { readonly path: string }
  | { readonly nodes: readonly HostPort[] }
  | {
      readonly sentinels: readonly HostPort[];
      readonly name: string;
      /** Of the Sentinels themselves. */
      readonly username?: string;
      readonly password?: string;
    };

/** Where Redis is, and as whom. */
export interface RedisAddress {
  readonly at: RedisPlace;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: false | RedisTls;
  /** For logs and the banner: no credentials. */
  readonly location: string;
}

/** Each is an address of its own: no two of them together. */
export const ADDRESS_NAMES = ['REDIS_URL', 'REDIS_HOST', 'REDIS_CLUSTER_NODES', 'REDIS_SENTINELS'] as const;

interface Parts {
  at: RedisPlace;
  username?: string | undefined;
  password?: string | undefined;
  db?: string | undefined;
  tls?: boolean;
}

const LOOKS = 'must look like redis://host:6379/0, rediss://host:6379/0 or unix:///path/redis.sock?db=0';
const DEFAULT_PORT = '6379';

function fromUrl(text: string, complain: Complain): Parts | undefined {
  const url = parseUrl(text);
  if (url === undefined || !/^(redis|rediss|unix):$/.test(url.protocol) || url.hash !== '') {
    complain('REDIS_URL', LOOKS);
    return undefined;
  }
  const socket = url.protocol === 'unix:';
  const unknown = [...url.searchParams.keys()].find((key) => !(socket && key === 'db'));
  if (unknown !== undefined) {
    complain(
      'REDIS_URL',
      `must not have the parameter ${JSON.stringify(unknown)}; only unix:// takes one, db`,
    );
    return undefined;
  }
  const plain = (part: string): string | undefined => (part === '' ? undefined : decodeURIComponent(part));
  try {
    const path = decodeURIComponent(url.pathname);
    if (socket) {
      if (url.host === '' && path.length > 1)
        return { at: { path }, db: url.searchParams.get('db') ?? undefined };
    } else if (url.hostname !== '' && /^\/?[^/]*$/.test(path)) {
      const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1');
      const { username, password } = url;
      return {
        at: { host, port: Number(url.port || DEFAULT_PORT) },
        username: plain(username),
        password: plain(password),
        db: plain(path.slice(1)),
        tls: url.protocol === 'rediss:',
      };
    }
  } catch {
    // A stray % in the path or the credentials: said below, without the value.
  }
  complain('REDIS_URL', LOOKS);
  return undefined;
}

function fromHost(host: string, values: Values, complain: Complain): Parts | undefined {
  if (host.startsWith('/')) return { at: { path: host } };
  const port = values.REDIS_PORT ?? DEFAULT_PORT;
  const portIsGood = /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535;
  const hostIsGood = isHost(host);
  if (!portIsGood) complain('REDIS_PORT', 'must be a whole number from 1 to 65535', port);
  if (!hostIsGood) complain('REDIS_HOST', 'must be a host name, an IP address or the path of a socket', host);
  return portIsGood && hostIsGood ? { at: { host, port: Number(port) } } : undefined;
}

function fromSentinels(
  sentinels: readonly HostPort[],
  values: Values,
  complain: Complain,
): Parts | undefined {
  const { REDIS_SENTINEL_NAME: name } = values;
  const { REDIS_SENTINEL_USERNAME: username, REDIS_SENTINEL_PASSWORD: password } = values;
  if (name === undefined) {
    complain('REDIS_SENTINEL_NAME', 'must be set with REDIS_SENTINELS: what they call the master');
    return undefined;
  }
  return {
    at: {
      sentinels,
      name,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    },
  };
}

function findParts(values: Values, complain: Complain): Parts | undefined {
  const [first, second] = ADDRESS_NAMES.filter((name) => values[name] !== undefined);
  if (first !== undefined && second !== undefined) {
    complain(first, `must not be set together with ${second}: they are two addresses`);
    return undefined;
  }
  const { REDIS_URL: url, REDIS_HOST: host, REDIS_CLUSTER_NODES: nodes, REDIS_SENTINELS: sentinels } = values;
  if (url !== undefined) return fromUrl(url, complain);
  if (host !== undefined) return fromHost(host, values, complain);
  if (nodes !== undefined) return { at: { nodes } };
  return sentinels && fromSentinels(sentinels, values, complain);
}

/** @returns undefined when there is no usable address; every reason has then been reported */
export function parseRedisAddress(values: Values, complain: Complain): RedisAddress | undefined {
  const parts = findParts(values, complain);
  for (const name of ['NAME', 'USERNAME', 'PASSWORD'] as const)
    if (values[`REDIS_SENTINEL_${name}`] !== undefined && values.REDIS_SENTINELS === undefined)
      complain(`REDIS_SENTINEL_${name}`, 'does nothing without REDIS_SENTINELS');
  const db = parts?.db ?? values.REDIS_DB ?? '0';
  if (!/^\d{1,6}$/.test(db)) {
    if (parts?.db === undefined) complain('REDIS_DB', 'must be a whole number from 0 to 999999', db);
    else complain('REDIS_URL', 'must end in the number of a database, 0 to 999999');
    return undefined;
  }
  if (parts === undefined) return undefined;
  if ('nodes' in parts.at && Number(db) !== 0) {
    complain('REDIS_DB', 'must be 0 with REDIS_CLUSTER_NODES: a cluster has no other', db);
    return undefined;
  }
  const isTls = parts.tls === true || values.REDIS_TLS === true;
  if (parts.tls === true && values.REDIS_TLS === false) {
    complain('REDIS_TLS', 'must not be false when REDIS_URL says rediss://');
    return undefined;
  }
  if (isTls && 'path' in parts.at) {
    complain('REDIS_TLS', 'must not be true for a Unix socket');
    return undefined;
  }
  const tls = readRedisTls(isTls, values, complain);
  const username = parts.username ?? values.REDIS_USERNAME;
  const password = parts.password ?? values.REDIS_PASSWORD;
  return {
    at: parts.at,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    db: Number(db),
    tls,
    location: toLocation(parts.at, isTls, Number(db)),
  };
}

function toLocation(at: RedisPlace, tls: boolean, db: number): string {
  const scheme = tls ? 'rediss' : 'redis';
  if ('path' in at) return `unix://${at.path}?db=${db}`;
  if ('nodes' in at) return `${scheme}+cluster://${at.nodes.map(toText).join(',')}`;
  if ('sentinels' in at) {
    return `${scheme}+sentinel://${at.sentinels.map(toText).join(',')}/${at.name}/${db}`;
  }
  return `${scheme}://${toText(at)}/${db}`;
}

const toText = ({ host, port }: HostPort): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;
