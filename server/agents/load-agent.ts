import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AgentExecutor } from './agent-executor.ts';
import { type AgentFormat, chooseFormat, ownFormat } from './agent-format.ts';
import { formatBeside } from './sdk-beside.ts';

/** The configured agent cannot be used. `message` says what to change. */
export class AgentLoadError extends Error {
  override readonly name = 'AgentLoadError';
}

/**
 * Loads what A2A_AGENT names: a default export, or one called `agent` or `executor`, that is an object with `execute`,
 * a class of such objects, or a function that makes one; or the only class of such objects that the module exports.
 *
 * @param specifier path relative to `cwd`, or a package name
 * @param format how the agent reads what it is given; `auto` is what it says of itself in its member `format`, else what
 *   the `@a2a-js/sdk` has that its module would import, else JSON
 * @throws {AgentLoadError}
 */
export async function loadAgent(
  specifier: string,
  cwd: string,
  format: AgentFormat | 'auto' = 'auto',
): Promise<AgentExecutor> {
  let module: Record<string, unknown>;
  const url = locate(specifier, cwd);
  try {
    module = (await import(url)) as Record<string, unknown>;
  } catch (cause) {
    // Where the import stands is of no use to the operator.
    const why = whyOf(cause).replace(/ imported from .*$/s, '');
    throw new AgentLoadError(`A2A_AGENT: cannot load ${specifier}: ${why}`, { cause });
  }
  for (const candidate of candidates(module)) {
    const agent = await toAgent(candidate, specifier);
    if (agent === undefined) continue;
    chooseFormat(agent, format === 'auto' ? (ownFormat(agent) ?? formatBeside(url) ?? 'json') : format);
    return agent;
  }
  throw new AgentLoadError(
    `A2A_AGENT: ${specifier} must export an agent (an object with execute, a class or a function that makes one) ` +
      'as default, agent or executor, or one class with execute',
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
  const named = [
    main,
    module['agent'],
    module['executor'],
    nested['default'],
    nested['agent'],
    nested['executor'],
  ];
  // Many executors are written as an exported class of any name.
  const classes = new Set([...Object.values(module), ...Object.values(nested)].filter(isAgentClass));
  return classes.size === 1 ? [...named, ...classes] : named;
}

const hasExecute = (value: unknown): value is AgentExecutor =>
  typeof value === 'object' && value !== null && 'execute' in value && typeof value.execute === 'function';

type Factory = () => unknown;
type AgentClass = new () => unknown;

const isAgentClass = (value: unknown): value is AgentClass =>
  typeof value === 'function' && hasExecute((value as { prototype?: unknown }).prototype);

/** A class whose `execute` is a member of its instances looks like any function. */
const isClass = (value: object): value is AgentClass =>
  isAgentClass(value) || Function.prototype.toString.call(value).startsWith('class');

async function toAgent(candidate: unknown, specifier: string): Promise<AgentExecutor | undefined> {
  if (hasExecute(candidate)) return candidate;
  if (typeof candidate !== 'function') return undefined;
  let made: unknown;
  try {
    made = isClass(candidate) ? new candidate() : await (candidate as Factory)();
  } catch (cause) {
    throw new AgentLoadError(`A2A_AGENT: ${specifier} could not make its agent: ${whyOf(cause)}`, { cause });
  }
  return hasExecute(made) ? made : undefined;
}
