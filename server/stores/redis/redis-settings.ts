/** What all instances on one Redis must agree on, because its keys depend on it. */
import type { Scope } from '../../security/space.ts';
import { StoreSettingsError } from './errors.ts';
import type { RedisKeys } from './keys.ts';
import type { ScriptRunner } from './script-runner.ts';

export interface RedisSettings {
  /** Over how many slots a tenant is spread, 1 to 64. */
  readonly buckets: number;
  /** Who shares sessions. Default: all callers of a tenant. */
  readonly scope?: Scope;
  /** For logs and the banner. Never contains a password. */
  readonly location: string;
}

/** @throws {StoreSettingsError} when the store was set up with other settings */
export async function checkSettings(
  scripts: ScriptRunner,
  keys: RedisKeys,
  { buckets, scope = 'tenant', location }: RedisSettings,
): Promise<void> {
  const kept = (await scripts.run('settle', [keys.settings], [buckets, scope])) as [string, string];
  const rows = [
    ['A2A_TENANT_BUCKETS', String(buckets), kept[0], 'other buckets'],
    ['A2A_SCOPE', scope, kept[1], 'another scope'],
  ] as const;
  for (const [name, wanted, found, other] of rows) {
    if (wanted === found) continue;
    throw new StoreSettingsError(
      `${name} is ${wanted}, but ${location} was set up with ${found}: ` +
        `${other} would hide every session. Set it to ${found}, or use another A2A_KEY_PREFIX.`,
    );
  }
}
