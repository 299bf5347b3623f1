import { parseUrl } from '../protocol/parse-url.ts';
import type { Values } from './config-variables.ts';
import { isHost } from './config-kinds.ts';

/** One Redis server. */
export interface RedisAddress {
  readonly at: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls: boolean;
  /** For logs and the banner: no credentials. */
  readonly location: string;
}

/** Reports one problem of one variable. */
export type Complain = (name: string, problem: string, value?: string) => void;

interface Parts {
  at: RedisAddress['at'];
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

/** @returns undefined when there is no usable address; every reason has then been reported */
export function parseRedisAddress(values: Values, complain: Complain): RedisAddress | undefined {
  const { REDIS_URL: url, REDIS_HOST: host } = values;
  if (url !== undefined && host !== undefined) {
    complain('REDIS_URL', 'must not be set together with REDIS_HOST: they are two addresses');
    return undefined;
  }
  const parts =
    url !== undefined
      ? fromUrl(url, complain)
      : host !== undefined
        ? fromHost(host, values, complain)
        : undefined;
  const db = parts?.db ?? values.REDIS_DB ?? '0';
  if (!/^\d{1,6}$/.test(db)) {
    if (parts?.db === undefined) complain('REDIS_DB', 'must be a whole number from 0 to 999999', db);
    else complain('REDIS_URL', 'must end in the number of a database, 0 to 999999');
    return undefined;
  }
  if (parts === undefined) return undefined;
  const tls = parts.tls === true || values.REDIS_TLS === true;
  if (parts.tls === true && values.REDIS_TLS === false) {
    complain('REDIS_TLS', 'must not be false when REDIS_URL says rediss://');
    return undefined;
  }
  if (tls && 'path' in parts.at) {
    complain('REDIS_TLS', 'must not be true for a Unix socket');
    return undefined;
  }
  const username = parts.username ?? values.REDIS_USERNAME;
  const password = parts.password ?? values.REDIS_PASSWORD;
  return {
    at: parts.at,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    db: Number(db),
    tls,
    location: toLocation(parts.at, tls, db),
  };
}

function toLocation(at: RedisAddress['at'], tls: boolean, db: string): string {
  if ('path' in at) return `unix://${at.path}?db=${Number(db)}`;
  const host = at.host.includes(':') ? `[${at.host}]` : at.host;
  return `${tls ? 'rediss' : 'redis'}://${host}:${at.port}/${Number(db)}`;
}
