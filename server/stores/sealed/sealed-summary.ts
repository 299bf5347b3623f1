/**
 * Task summaries as they are stored when content is encrypted: what the indexes beside them say anyway stays legible, for
 * the reaper and for operators; all else is under `sealed`, bound to the task and to what stands beside it.
 */
import type { OpenFailure, SealScope } from '../../security/record-sealer.ts';
import type { TaskSummary } from '../../sessions/task-summary.ts';

/** No content: ids, states and times. What a later release adds is content until it is named here. */
const LEGIBLE: ReadonlySet<string> = new Set([
  'state',
  'at',
  'by',
  'alias',
  'dialect',
  'long',
] satisfies (keyof TaskSummary)[]);

type Members = Record<string, unknown>;

function parse(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Members)
      : undefined;
  } catch {
    return undefined;
  }
}

function split(summary: Members): { shown: Members; content: Members | undefined } {
  const shown: Members = {};
  let content: Members | undefined;
  for (const [name, value] of Object.entries(summary)) {
    if (LEGIBLE.has(name)) shown[name] = value;
    else (content ??= {})[name] = value;
  }
  return { shown, content };
}

export function sealSummary(scope: SealScope, local: string, summary: string): string {
  const members = parse(summary);
  if (members === undefined) return scope.seal(summary, [local, '']);
  const { shown, content } = split(members);
  if (content === undefined) return summary;
  const sealed = scope.seal(JSON.stringify(content), [local, JSON.stringify(shown)]);
  return JSON.stringify({ ...shown, sealed });
}

/**
 * @param required content that is not sealed does not count
 * @param onFailure told why the content does not open
 * @returns a summary that says `long`, which is to look into the session, where its content is not to be had
 */
export function openSummary(
  scope: SealScope,
  local: string,
  stored: string,
  required: boolean,
  onFailure: (failure: OpenFailure, keyId: string | undefined) => void,
): string {
  const members = parse(stored);
  if (members === undefined) {
    const opened = scope.open(stored, [local, '']);
    if ('text' in opened) return opened.text;
    onFailure(opened.failure, opened.keyId);
    return stored;
  }
  const { sealed, ...others } = members;
  if (typeof sealed !== 'string') {
    if (!required) return stored;
    const { shown, content } = split(members);
    if (content === undefined) return stored;
    onFailure('not-sealed', undefined);
    return JSON.stringify({ ...shown, long: true });
  }
  const opened = scope.open(sealed, [local, JSON.stringify(others)]);
  const content = 'text' in opened ? parse(opened.text) : undefined;
  if (content !== undefined) return JSON.stringify({ ...others, ...content });
  if ('failure' in opened) onFailure(opened.failure, opened.keyId);
  return JSON.stringify({ ...split(others).shown, long: true });
}

/** The sealed text within a stored summary; undefined when there is none. */
export function sealedIn(stored: string): string | undefined {
  if (stored.startsWith('~')) return stored;
  if (!stored.includes('"sealed":"~')) return undefined;
  const sealed = parse(stored)?.['sealed'];
  return typeof sealed === 'string' ? sealed : undefined;
}
