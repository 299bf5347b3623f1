import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';

const SERVER_CORE = '0';
const LOAD_CORE = '1';

const runs = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** One core for the server that is measured, one for the load and Redis; where the system cannot, as it comes. */
export class Machine {
  readonly isPinned = runs('taskset', '-c', SERVER_CORE, 'true') && runs('taskset', '-c', LOAD_CORE, 'true');

  /** What a command has to begin with. @param cores `server`: its core alone; `both`: those of server and load */
  on(cores: 'server' | 'both'): readonly string[] {
    if (!this.isPinned) return [];
    return ['taskset', '-c', cores === 'server' ? SERVER_CORE : `${SERVER_CORE},${LOAD_CORE}`];
  }

  /** Puts this process, and whatever it starts without saying where, on the core of the load. */
  leaveServerAlone(): void {
    if (this.isPinned) runs('taskset', '-a', '-c', '-p', LOAD_CORE, String(process.pid));
  }

  /** Told before this process is put on a core of its own. */
  readonly description = `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${process.platform}, Node ${process.versions.node}`;

  get pinning(): string {
    return this.isPinned
      ? 'the server under test has core 0 for itself; the load and Redis share core 1'
      : 'nothing is pinned to a core: taskset is missing, or there is only one core';
  }
}

/** @param on what it begins with, as {@link Machine.on} says */
export function nodeOn(on: readonly string[], script: string): [command: string, args: string[]] {
  const [pin, ...rest] = on;
  return pin === undefined ? [process.execPath, [script]] : [pin, [...rest, process.execPath, script]];
}

const CLOCK_TICKS_PER_SECOND = 100;

/** CPU time of a process and of those it has started. @returns undefined where there is no /proc */
export function cpuMsOf(pid: number): number | undefined {
  try {
    return [pid, ...childrenOf(pid)].reduce((sum, one) => sum + ownCpuMs(one), 0);
  } catch {
    return undefined;
  }
}

function ownCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may have spaces in it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return ((userTicks + systemTicks) * 1000) / CLOCK_TICKS_PER_SECOND;
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** @returns undefined where it cannot be known */
export function residentBytesOf(pid: number): number | undefined {
  const { stdout, status } = spawnSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? Number(stdout) * 1024 : undefined;
}
