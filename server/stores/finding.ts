/** What an examination of a store has found. */
export interface Finding {
  /** In a few words. */
  readonly check: string;
  /** `warn`: it works, and may cost sessions or time one day. */
  readonly level: 'ok' | 'warn' | 'fail';
  readonly found: string;
  /** What to do about it. */
  readonly change?: string;
}
