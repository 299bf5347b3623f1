import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Call, piecesOf } from './call.ts';
import type { Load, RawLoadResult } from './load.ts';

const run = promisify(execFile);
const RESULT = 'RESULT ';
const ANSWERS_WITHIN = '15s';

/** JSON strings of ASCII are strings of Lua. */
const quoted = (text: string): string => JSON.stringify(text);

/** A script for wrk. Its answers are checked one by one, which costs the core of the load, and every contender alike. */
export function scriptOf(call: Call, runName?: string): string {
  const { items = [], expects } = call;
  const body = piecesOf(call, runName).map((piece) => {
    if ('text' in piece) return quoted(piece.text);
    return piece.insert === 'number' ? 'n' : 'items[n % #items + 1]';
  });
  return `local n = 0
local items = {${items.map(quoted).join(',')}}
local threads = {}
wrong, sample = 0, '' -- global: read from outside of the thread
wrk.method = 'POST'
wrk.headers['Content-Type'] = 'application/json'
wrk.headers['A2A-Version'] = '1.0'

function setup(thread) table.insert(threads, thread) end

function request()
  n = n + 1
  return wrk.format(nil, nil, nil, ${body.join(' .. ')})
end

function response(status, headers, body)
  if status ~= 200 or not string.find(body, ${quoted(expects)}, 1, true) then
    wrong = wrong + 1
    sample = status .. ' ' .. string.sub(body, 1, 300)
  end
end

function done(summary, latency)
  local count, seen = 0, ''
  for _, thread in ipairs(threads) do
    count = count + thread:get('wrong')
    seen = thread:get('sample')
  end
  local e = summary.errors
  print(string.format('${RESULT}%d %d %d %d %d %d', summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), count, e.connect + e.read + e.write + e.timeout))
  print(seen)
end
`;
}

export async function driveWithWrk(load: Load, folder: string): Promise<RawLoadResult> {
  const script = join(folder, 'load.lua');
  writeFileSync(script, scriptOf(load.call));
  const args = ['-t1', `-c${load.connections}`, `-d${Math.max(1, Math.round(load.seconds))}s`];
  const { stdout } = await run('wrk', [...args, '--timeout', ANSWERS_WITHIN, '-s', script, load.url]);
  return parseResult(stdout);
}

/** @throws when wrk did not say how it ended */
export function parseResult(stdout: string): RawLoadResult {
  const [, line = '', example = ''] = new RegExp(`^${RESULT}([\\d ]+)\n(.*)`, 'm').exec(stdout) ?? [];
  const [requests, micros, p50, p99, wrongAnswers, failures] = line.split(' ').map(Number);
  if (requests === undefined || micros === undefined || failures === undefined)
    throw new Error(`wrk ended without a result: ${stdout.slice(-300)}`);
  return {
    requests,
    perSecond: requests / (micros / 1_000_000),
    p50Ms: (p50 ?? 0) / 1000,
    p99Ms: (p99 ?? 0) / 1000,
    wrongAnswers: wrongAnswers ?? 0,
    failures,
    example,
  };
}
