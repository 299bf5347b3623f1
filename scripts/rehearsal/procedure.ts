/** The programs of scripts/runbook: each rehearses one section of the runbook, or is a check that ends with 0 or 1. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Rehearsal } from './rehearsal.ts';

/** What a file of scripts/runbook exports that is run in this process. */
export interface ProcedureModule {
  /** Of the runbook: whose commands it types. */
  readonly heading: string;
  /** Brings the trouble about, types what the page says, and throws at whatever is not as the page says. */
  readonly rehearse: (at: Rehearsal) => Promise<void>;
}

export interface ProcedureFile {
  /** As it is named on the command line: the file's name. */
  readonly name: string;
  readonly path: string;
  readonly source: string;
  /** Exports `heading` and `rehearse`; else it is a program. */
  readonly isModule: boolean;
  /** Why the quick form leaves it out, as its first comment says; absent: it does not. */
  readonly notQuick?: string;
}

const exports = (source: string, name: string): boolean =>
  new RegExp(`^export (?:async )?(?:function|const) ${name}\\b`, 'm').test(source);

/** Its first comment says how it is run. */
const isProgram = (name: string, source: string): boolean =>
  new RegExp(`^ \\* +(?:node --import=tsx scripts/runbook/${name}\\.ts|npm run ${name})\\b`, 'm').test(
    source.split('*/', 1)[0] ?? '',
  );

const notQuickOf = (source: string): string | undefined =>
  /^ \* Not in the quick form: (.+)\.$/m.exec(source.split('*/', 1)[0] ?? '')?.[1];

export const PROCEDURES = new URL('../runbook/', import.meta.url).pathname;

/** Read, not loaded: loading a program runs it. What is neither module nor program is a part of one. */
export const procedureFiles = (): ProcedureFile[] =>
  readdirSync(PROCEDURES)
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => {
      const path = join(PROCEDURES, file);
      const source = readFileSync(path, 'utf8');
      const isModule = exports(source, 'heading') && exports(source, 'rehearse');
      const notQuick = notQuickOf(source);
      const about = { name: file.slice(0, -'.ts'.length), path, source, isModule };
      return { ...about, ...(notQuick !== undefined && { notQuick }) };
    })
    .filter(({ name, source, isModule }) => isModule || isProgram(name, source));
