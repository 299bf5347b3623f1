/** How the server listens, and why it cannot. */
import type { BackendContext } from './backend.ts';
import type { HttpServerOptions } from './http/http-server.ts';
import { createOnceAMinute } from './security/once-a-minute.ts';

/** What the configuration says of connections and of requests that are slow to arrive. */
export function toHttpOptions({ config, log, metrics }: BackendContext): HttpServerOptions {
  const { maxConnections, headersMaxBytes, headersTimeoutMs, requestTimeoutMs, keepAliveMs } = config.bounds;
  const isDue = createOnceAMinute(() => performance.now());
  return {
    maxConnections,
    maxHeaderSize: headersMaxBytes,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    onConnectionRefused: () => {
      metrics.connectionsRefused.inc();
      if (isDue('')) log('connections_full', { maxConnections });
    },
  };
}

/** In words for the operator, with what to change. */
export function whyNotListening(cause: unknown, host: string, port: number): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
  if (code === 'EADDRINUSE')
    return `${host}:${port} is in use: stop what listens there, or set PORT to another port`;
  if (code === 'EACCES') return `port ${port} needs privileges: set PORT to one above 1023`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${host} is no address of this machine: set HOST`;
  return `cannot listen on ${host}:${port} (${code}): set HOST and PORT`;
}

export const isAnyAddress = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** For who asks on the same machine. */
export function toLoopback(url: string): string {
  const named = new URL(url);
  named.hostname = '127.0.0.1';
  return named.href;
}
