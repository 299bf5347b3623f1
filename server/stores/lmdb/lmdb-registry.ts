import type { EpochMs } from '../../../protocol/units.ts';
import type { Beat } from '../embedded/tables.ts';
import { FIRST, LAST, type JournalDatabase } from './journal-database.ts';

/** What the database keeps of no session: settings, tenants, instances. And how its keys are written and walked. */
export class LmdbRegistry {
  protected readonly db: JournalDatabase;

  constructor(db: JournalDatabase) {
    this.db = db;
  }

  setting(name: string): string | undefined {
    return this.db.get(['v', name]);
  }

  putSetting(name: string, value: string): void {
    this.put(['v', name], value);
  }

  tenants(): [string, EpochMs][] {
    const noted = this.db.getRange({ start: ['n', FIRST], end: ['n', LAST] });
    return [...noted].map(({ key, value }) => [String(key[1]), Number(value)]);
  }

  putTenant(tenant: string, at: EpochMs | undefined): void {
    if (at === undefined) void this.db.remove(['n', tenant]);
    else this.put(['n', tenant], String(at));
  }

  beats(): [string, Beat][] {
    const beats = this.db.getRange({ start: ['b', FIRST], end: ['b', LAST] });
    return [...beats].map(({ key, value }) => {
      const [at, left] = value.split(' ');
      return [String(key[1]), { at: Number(at), left: left !== undefined }];
    });
  }

  putBeat(instance: string, beat: Beat | undefined): void {
    if (beat === undefined) void this.db.remove(['b', instance]);
    else this.put(['b', instance], beat.left === true ? `${beat.at} left` : String(beat.at));
  }

  running(instance: string): string[] {
    const noted = this.keys(['i', instance, FIRST], ['i', instance, LAST]);
    return noted.map((key) => String(key[2]));
  }

  putRunning(instance: string, tenant: string): void {
    this.put(['i', instance, tenant], '1');
  }

  dropRunning(instance: string): void {
    this.removeRange(['i', instance, FIRST], ['i', instance, LAST]);
  }

  // inside a transaction a write is done when it returns; its promise says nothing more

  protected put(key: (string | number)[], value: string): void {
    void this.db.put(key, value);
  }

  protected removeRange(start: (string | number)[], end: (string | number)[]): void {
    for (const key of this.keys(start, end)) void this.db.remove(key);
  }

  /** As an array: removing while a cursor walks is not safe. */
  protected keys(
    start: (string | number)[],
    end: (string | number)[],
    limit?: number,
  ): (string | number)[][] {
    return [...this.db.getKeys({ start, end, ...(limit !== undefined && { limit }) })];
  }
}
