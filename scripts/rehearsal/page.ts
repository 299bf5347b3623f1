/** The runbook as data: its sections, and what an operator would type in each of them. */
import { readFileSync } from 'node:fs';

/** From the top of the repository. */
export const PAGE = 'docs/persistence-runbook.md';

/** One thing that is typed: a line after `$ ` of a `console` block, or a whole `sh` block. */
export interface PageCommand {
  readonly text: string;
  /** Why no rehearsal types it; absent: one has to. */
  readonly excuse?: string;
}

export interface Section {
  readonly heading: string;
  readonly text: string;
  readonly commands: readonly PageCommand[];
}

const FENCE = /^( *)```(\w*)$/;
/** In front of a block; the reason is for whoever reads the page's source. */
const EXCUSE = /^ *<!-- not rehearsed: (.+) -->$/;

export const readPage = (): string => readFileSync(new URL(`../../${PAGE}`, import.meta.url), 'utf8');

/** Every part below a heading of the second rank; deeper headings belong to it. */
export function sectionsOf(page: string): Section[] {
  const [, ...parts] = page.split(/^## /m);
  return parts.map((part) => {
    const end = part.indexOf('\n');
    const text = part.slice(end + 1);
    return { heading: part.slice(0, end), text, commands: commandsOf(text) };
  });
}

function commandsOf(text: string): PageCommand[] {
  const found: PageCommand[] = [];
  let open: { indent: string; language: string; lines: string[]; excuse: string | undefined } | undefined;
  let excuse: string | undefined;
  for (const line of text.split('\n')) {
    const [, indent = '', language = ''] = FENCE.exec(line) ?? [];
    if (open !== undefined && FENCE.test(line)) {
      const { lines, excuse: why } = open;
      const typed = open.language === 'sh' ? [lines.join('\n')] : typedIn(lines);
      if (open.language === 'sh' || open.language === 'console')
        found.push(...typed.map((one) => ({ text: one, ...(why !== undefined && { excuse: why }) })));
      open = undefined;
      excuse = undefined;
    } else if (FENCE.test(line)) open = { indent, language, lines: [], excuse };
    else if (open !== undefined) open.lines.push(line.slice(open.indent.length));
    else if (EXCUSE.test(line)) excuse = EXCUSE.exec(line)?.[1];
    else if (line.trim() !== '') excuse = undefined;
  }
  return found;
}

/** What stands behind `$ `, with the lines that a backslash joins to it. The rest of the block is its answer. */
function typedIn(lines: readonly string[]): string[] {
  const typed: string[] = [];
  let isContinued = false;
  for (const line of lines) {
    if (isContinued) typed.push(`${typed.pop() ?? ''}\n${line}`);
    else if (line.startsWith('$ ')) typed.push(line.slice(2));
    else continue;
    isContinued = line.endsWith('\\');
  }
  return typed;
}
