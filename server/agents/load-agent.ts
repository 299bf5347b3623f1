import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AgentExecutor } from './agent-executor.ts';

/** The configured agent cannot be used. `message` says what to change. */
export class AgentLoadError extends Error {
  override readonly name = 'AgentLoadError';
}

/**
 * Loads what A2A_AGENT names: a default export, or one called `agent` or `executor`, that is an object with `execute`,
 * a class of such objects, or a function that makes one.
 *
 * @param specifier path relative to `cwd`, or a package name
 * @throws {AgentLoadError}
 */
export async function loadAgent(specifier: string, cwd: string): Promise<AgentExecutor> {
  let module: Record<string, unknown>;
  try {
    module = (await import(locate(specifier, cwd))) as Record<string, unknown>;
  } catch (cause) {
    // Where the import stands is of no use to the operator.
    const why = whyOf(cause).replace(/ imported from .*$/s, '');
    throw new AgentLoadError(`A2A_AGENT: cannot load ${specifier}: ${why}`, { cause });
  }
  for (const candidate of candidates(module)) {
    const agent = await toAgent(candidate, specifier);
    if (agent !== undefined) return agent;
  }
  throw new AgentLoadError(
    `A2A_AGENT: ${specifier} must export an agent (an object with execute, a class or a function that makes one) ` +
      'as default, agent or executor',
  );
}

const whyOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : 'it threw something that is not an Error';

function locate(specifier: string, cwd: string): string {
  if (specifier.startsWith('file:')) return specifier;
  if (specifier.startsWith('.') || isAbsolute(specifier)) return pathToFileURL(resolve(cwd, specifier)).href;
  try {
    // From the folder of the operator's project, not from where this server is installed.
    return pathToFileURL(createRequire(join(cwd, 'agent.js')).resolve(specifier)).href;
  } catch {
    // Packages that offer only `import` are not found that way, but are beside this server.
    return specifier;
  }
}

function candidates(module: Record<string, unknown>): unknown[] {
  const { default: main } = module;
  // What CommonJS exports arrives whole as `default`.
  const nested = typeof main === 'object' && main !== null ? (main as Record<string, unknown>) : {};
  return [main, module['agent'], module['executor'], nested['default'], nested['agent'], nested['executor']];
}

const hasExecute = (value: unknown): value is AgentExecutor =>
  typeof value === 'object' && value !== null && 'execute' in value && typeof value.execute === 'function';

type Factory = () => unknown;
type AgentClass = new () => unknown;

async function toAgent(candidate: unknown, specifier: string): Promise<AgentExecutor | undefined> {
  if (hasExecute(candidate)) return candidate;
  if (typeof candidate !== 'function') return undefined;
  const { prototype } = candidate as { prototype?: unknown };
  let made: unknown;
  try {
    made = hasExecute(prototype) ? new (candidate as AgentClass)() : await (candidate as Factory)();
  } catch (cause) {
    throw new AgentLoadError(`A2A_AGENT: ${specifier} could not make its agent: ${whyOf(cause)}`, { cause });
  }
  return hasExecute(made) ? made : undefined;
}
