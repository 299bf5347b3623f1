import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { piecesOf } from './call.ts';
import { BENCH_FOLDER } from './install.ts';
import type { Load, RawLoadResult } from './load.ts';

/** In a process of its own, like wrk. Its script runs from .bench/, where autocannon is. */
export async function driveWithAutocannon(load: Load, folder: string): Promise<RawLoadResult> {
  const { url, connections, seconds, call } = load;
  const { items = [], expects } = call;
  const plan = join(folder, 'load.json');
  writeFileSync(plan, JSON.stringify({ url, connections, seconds, pieces: piecesOf(call), items, expects }));
  const child = spawn(process.execPath, [join(BENCH_FOLDER, 'autocannon-load.mjs'), plan], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(await text(child.stdout)) as RawLoadResult;
}
