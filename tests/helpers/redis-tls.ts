/** Certificates of our own, made anew each time, and what a redis-server needs to be told of them. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A certificate and its key, as PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly folder: string;
  /** Who signed the others. */
  readonly ca: string;
  /** For 127.0.0.1 and localhost. */
  readonly server: CertificateFiles;
  readonly client: CertificateFiles;
  /** Another one, who signed nothing here. */
  readonly strangerCa: string;
  remove(): Promise<void>;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function makeCertificates(): Promise<Certificates> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-'));
  const files = (name: string): CertificateFiles => ({
    cert: join(folder, `${name}.crt`),
    key: join(folder, `${name}.key`),
  });
  const authority = async (name: string): Promise<CertificateFiles> => {
    const { cert, key } = files(name);
    const out = ['-keyout', key, '-out', cert, '-days', '2', '-subj', `/CN=${name}`];
    await run('openssl', ['req', '-x509', ...NEW_KEY, ...out]);
    return { cert, key };
  };
  const signed = async (name: string, by: CertificateFiles): Promise<CertificateFiles> => {
    const { cert, key } = files(name);
    const [request, names] = [join(folder, `${name}.csr`), join(folder, `${name}.ext`)];
    await writeFile(names, 'subjectAltName=IP:127.0.0.1,DNS:localhost\n');
    await run('openssl', ['req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`]);
    const signer = ['-CA', by.cert, '-CAkey', by.key, '-CAcreateserial', '-days', '2', '-extfile', names];
    await run('openssl', ['x509', '-req', '-in', request, '-out', cert, ...signer]);
    return { cert, key };
  };
  const ca = await authority('ca');
  return {
    folder,
    ca: ca.cert,
    server: await signed('server', ca),
    client: await signed('client', ca),
    strangerCa: (await authority('stranger')).cert,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Arguments of a redis-server that speaks TLS on this port. Its other ports and sockets stay as they are.
 *
 * @param clients whether it wants a certificate of who connects
 */
export function tlsArgs({ ca, server }: Certificates, port: number, clients: 'yes' | 'no' = 'no'): string[] {
  return ['--tls-port', String(port), '--tls-ca-cert-file', ca, '--tls-auth-clients', clients].concat(
    '--tls-cert-file',
    server.cert,
    '--tls-key-file',
    server.key,
  );
}
