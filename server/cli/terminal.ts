import type { EpochMs } from '../../protocol/units.ts';

/** What a command reads and writes. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => EpochMs;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}
