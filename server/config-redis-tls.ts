import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readCertificates, readNamedFile, readPrivateKey } from './config-files.ts';
import type { Complain } from './config-kinds.ts';
import type { Values } from './config-variables.ts';

/** What TLS needs beside the address. Certificates are verified in any case. PEM texts. */
export interface RedisTls {
  /** Who may have signed the server's certificate; absent: whom Node.js trusts. */
  readonly ca?: string;
  /** Of this client. */
  readonly cert?: string;
  readonly key?: string;
  /** Which name the server's certificate must be for; absent: the one it is reached by. */
  readonly servername?: string;
}

const NAMES = [
  'REDIS_TLS_CA_FILE',
  'REDIS_TLS_CERT_FILE',
  'REDIS_TLS_KEY_FILE',
  'REDIS_TLS_SERVERNAME',
] as const;

/** Reads the files that the environment names; reports whatever is wrong with them. */
export function readRedisTls(isTls: boolean, values: Values, complain: Complain): false | RedisTls {
  if (!isTls) {
    // Somebody who gives certificates does not want to send passwords in the clear.
    for (const name of NAMES)
      if (values[name] !== undefined)
        complain(name, 'does nothing without TLS: set REDIS_TLS=true or use rediss://');
    return false;
  }
  const ca = readNamedFile('REDIS_TLS_CA_FILE', values, complain, readCertificates);
  const cert = readNamedFile('REDIS_TLS_CERT_FILE', values, complain, readCertificates);
  const key = readNamedFile('REDIS_TLS_KEY_FILE', values, complain, readPrivateKey);
  const {
    REDIS_TLS_CERT_FILE: certFile,
    REDIS_TLS_KEY_FILE: keyFile,
    REDIS_TLS_SERVERNAME: servername,
  } = values;
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const [missing, given] = ['REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'];
    if (certFile === undefined) complain(missing, `must be set with ${given}`);
    else complain(given, `must be set with ${missing}`);
  }
  if (cert !== undefined && key !== undefined && !belongTogether(cert, key))
    complain('REDIS_TLS_KEY_FILE', 'must be the private key of REDIS_TLS_CERT_FILE');
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
}

/** The first certificate of a file is the client's own; those behind it lead to who signed it. */
const belongTogether = (cert: string, key: string): boolean =>
  new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
