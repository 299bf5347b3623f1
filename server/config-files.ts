/** Files that the environment names. They are read at the start, so that all that is wrong in them is said at once. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { type CardText, type Parsed, parseCard } from './config-card.ts';
import { type EncryptionKeySet, parseEncryptionKeys } from './config-encryption.ts';
import { type ApiKeyRow, parseApiKeys } from './config-keys.ts';
import { parsePublicKeys, type PublicKeys } from './config-jwt.ts';
import type { Complain } from './config-kinds.ts';
import { parseSigningKey, type SigningKey } from './config-signing.ts';
import { parseTiers, type Tiers } from './config-tiers.ts';
import type { Values } from './config-variables.ts';

/** The file could not be read or is not what it should be. */
export class FileProblemsError extends Error {
  override readonly name = 'FileProblemsError';
  readonly problems: readonly string[];
  /** What is in it is not known. */
  readonly isUnread: boolean;

  constructor(problems: readonly string[], isUnread = false) {
    super(problems.join('; '));
    this.problems = problems;
    this.isUnread = isUnread;
  }
}

/** Room for 100,000 keys. */
const FILE_MAX_BYTES = 33_554_432;

/** @throws {FileProblemsError} */
function read<T>(path: string, parse: (text: string) => Parsed<T>): T {
  let text: string;
  try {
    // Before it is in memory.
    const { size } = statSync(path);
    if (size > FILE_MAX_BYTES) throw new FileProblemsError([`must be at most ${FILE_MAX_BYTES} bytes`]);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof FileProblemsError) throw error;
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new FileProblemsError([`cannot be read: ${code}`], true);
  }
  const parsed = parse(text);
  if ('problems' in parsed) throw new FileProblemsError(parsed.problems);
  return parsed.value;
}

const fromJson =
  <T>(parse: (value: unknown) => Parsed<T>) =>
  (text: string): Parsed<T> => {
    let value: unknown;
    try {
      value = JSON.parse(text.replace(/^\uFEFF/, ''));
    } catch {
      // The parser's message quotes the file.
      return { problems: ['is not JSON'] };
    }
    return parse(value);
  };

/** @throws {FileProblemsError} */
export const readCard = (path: string): CardText => read(path, fromJson(parseCard));

/** @throws {FileProblemsError} */
export const readApiKeys = (path: string): readonly ApiKeyRow[] => read(path, fromJson(parseApiKeys));

/** @throws {FileProblemsError} */
export const readPublicKeys = (path: string): PublicKeys => read(path, fromJson(parsePublicKeys));

/** @throws {FileProblemsError} */
export const readSigningKey = (path: string): SigningKey => read(path, parseSigningKey);

/** @throws {FileProblemsError} */
export const readCertificates = (path: string): string => read(path, parseCertificates);

/** @throws {FileProblemsError} */
export const readPrivateKey = (path: string): string => read(path, parsePrivateKey);

/** @throws {FileProblemsError} */
export const readEncryptionKeys = (path: string): EncryptionKeySet =>
  read(path, fromJson(parseEncryptionKeys));

/** @throws {FileProblemsError} */
export const readTiers = (path: string): Tiers => read(path, fromJson(parseTiers));

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

function parseCertificates(text: string): Parsed<string> {
  const certificates = text.match(PEM_CERTIFICATE) ?? [];
  try {
    for (const pem of certificates) new X509Certificate(pem);
    if (certificates.length > 0) return { value: text };
  } catch {
    // said below
  }
  return { problems: ['must be one or more certificates in PEM'] };
}

function parsePrivateKey(text: string): Parsed<string> {
  try {
    createPrivateKey(text);
    return { value: text };
  } catch {
    return { problems: ['must be a private key in PEM, without a passphrase'] };
  }
}

/** @returns undefined when no file is named, or it is not usable; every reason has then been reported */
export function readNamedFile<T>(
  name: Extract<keyof Values, `${string}_FILE`>,
  values: Values,
  complain: Complain,
  readIt: (path: string) => T,
): T | undefined {
  const path = values[name];
  if (path === undefined) return undefined;
  try {
    return readIt(path);
  } catch (error) {
    if (!(error instanceof FileProblemsError)) throw error;
    for (const problem of error.problems) complain(name, problem);
    return undefined;
  }
}
