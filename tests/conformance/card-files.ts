import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const OPTIONAL_EXTENSION = 'https://example.test/extensions/optional/v1';
export const REQUIRED_EXTENSION = 'https://example.test/extensions/required/v1';

/** A card as an operator writes it. */
export const CARD = {
  name: 'Conformance agent',
  description: 'Says what it is told.',
  version: '3.2.1',
  provider: { organization: 'Example', url: 'https://example.test/' },
  skills: [{ id: 'echo', name: 'Echo', description: 'Repeats.', tags: ['demo'] }],
  defaultInputModes: ['text/plain', 'application/json'],
  defaultOutputModes: ['text/plain'],
};

/** Files that a server of the suite is started with: written before it starts, their paths put into `env`. */
export function useFiles(env: Record<string, string>, files: Readonly<Record<string, () => object>>): void {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'conformance-'));
    for (const [variable, content] of Object.entries(files)) {
      const path = join(folder, `${variable}.json`);
      writeFileSync(path, JSON.stringify(content()));
      env[variable] = path;
    }
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
}

export interface TestKey {
  readonly key: string;
  readonly tenant: string;
  readonly subject: string;
}

export const newKey = (tenant: string, subject: string): TestKey => ({
  key: randomBytes(24).toString('base64url'),
  tenant,
  subject,
});

/** The file of keys: what it holds of a key is its hash. */
export const keysFile = (keys: readonly TestKey[]): object => ({
  keys: keys.map(({ key, tenant, subject }) => ({
    hash: `sha256:${createHash('sha256').update(key).digest('hex')}`,
    tenant,
    subject,
  })),
});
