import type { EpochMs } from '../../../protocol/units.ts';
import type { Beat } from '../embedded/tables.ts';

/** What is kept of no session: settings, tenants, instances. */
export class MemoryRegistry {
  readonly #beats = new Map<string, Beat>();
  readonly #running = new Map<string, Set<string>>();
  readonly #tenants = new Map<string, EpochMs>();
  readonly #settings = new Map<string, string>();

  setting(name: string): string | undefined {
    return this.#settings.get(name);
  }

  putSetting(name: string, value: string): void {
    this.#settings.set(name, value);
  }

  tenants(): [string, EpochMs][] {
    return [...this.#tenants];
  }

  putTenant(tenant: string, at: EpochMs | undefined): void {
    if (at === undefined) this.#tenants.delete(tenant);
    else this.#tenants.set(tenant, at);
  }

  beats(): [string, Beat][] {
    return [...this.#beats];
  }

  putBeat(instance: string, beat: Beat | undefined): void {
    if (beat === undefined) this.#beats.delete(instance);
    else this.#beats.set(instance, beat);
  }

  running(instance: string): string[] {
    return [...(this.#running.get(instance) ?? [])];
  }

  putRunning(instance: string, tenant: string): void {
    this.#running.set(instance, (this.#running.get(instance) ?? new Set()).add(tenant));
  }

  dropRunning(instance: string): void {
    this.#running.delete(instance);
  }
}
