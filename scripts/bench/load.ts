import { spawnSync } from 'node:child_process';
import type { Call } from './call.ts';
import { driveWithAutocannon } from './load-autocannon.ts';
import { driveWithWrk } from './load-wrk.ts';

/** Requests of one kind over so many connections, for so long. */
export interface Load {
  readonly url: string;
  readonly call: Call;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What a generator counts beside it. Anything but 0 in the first two fails the run. */
export interface RawLoadResult extends LoadResult {
  readonly wrongAnswers: number;
  readonly failures: number;
  /** Of one of the wrong answers. */
  readonly example: string;
}

export const hasWrk = spawnSync('wrk', ['-v'], { stdio: 'ignore' }).error === undefined;

/** @param folder for the generator's script @throws when a request fails, or is not answered as the call expects */
export async function drive(load: Load, folder: string): Promise<LoadResult> {
  return checked(load, await (hasWrk ? driveWithWrk : driveWithAutocannon)(load, folder));
}

/** A figure of a server that answers wrong would say nothing. @throws */
export function checked({ call: { method }, seconds }: Load, result: RawLoadResult): LoadResult {
  const { wrongAnswers, failures, example, requests } = result;
  if (wrongAnswers > 0)
    throw new Error(`${method}: ${wrongAnswers} of ${requests} answers are wrong, such as ${example}`);
  if (failures > 0) throw new Error(`${method}: ${failures} requests failed`);
  if (requests === 0) throw new Error(`${method}: nothing was answered in ${seconds} s`);
  return result;
}
