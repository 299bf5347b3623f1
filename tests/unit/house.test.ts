/** The rules of the house (docs/architecture.md), held by reading the sources. */
import { expect } from 'chai';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import ts from 'typescript';

/** Path from the top of the repository -> text. */
type Sources = ReadonlyMap<string, string>;

interface Import {
  readonly from: string;
  /** A path from the top for our own files, else the name as it stands. */
  readonly to: string;
}

const LINES_MAX = 300;

/** Folder, or file at the top of server/ -> what it may import beside itself. */
const GROUND = ['agents', 'security', 'observability', 'config'];
const SESSIONS = ['protocol', ...GROUND];
const A2A = ['sessions', ...SESSIONS];
const RPC = ['a2a', ...A2A];
const HTTP = ['rpc', ...RPC];
const APP = ['http', 'stores', ...HTTP];
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  agents: ['protocol'],
  security: ['protocol'],
  observability: ['protocol'],
  config: ['protocol'],
  sessions: SESSIONS,
  stores: A2A,
  a2a: A2A,
  rpc: RPC,
  http: HTTP,
  app: APP,
  index: ['app', ...APP],
  workers: ['protocol', 'observability'],
  cli: ['app', ...APP],
  main: ['workers', 'cli', 'app', ...APP],
};

/** Files at the top of server/ that belong to the composition root or to the configuration. */
const ROOM_OF_FILE: readonly (readonly [RegExp, string])[] = [
  [/^server\/(?:index|main)\.ts$/, ''],
  [/^server\/config(?:-[a-z-]+)?\.ts$/, 'config'],
  [/^server\/(?:app|backend|build-[a-z]+|package-info)\.ts$/, 'app'],
];

/** Package -> where it may be imported. */
const ONLY_IN: Readonly<Record<string, RegExp>> = {
  ioredis: /^server\/stores\/redis\//,
  lmdb: /^server\/stores\/lmdb\//,
  express: /^server\/(?:http\/|app\.ts)/,
  jayson: /^server\/rpc\//,
  jose: /^server\/security\//,
  'rate-limiter-flexible': /^server\/security\//,
  pino: /^server\/observability\//,
  'prom-client': /^server\/observability\//,
  cluster: /^server\/workers\//,
};

function roomOf(path: string): string | undefined {
  if (path.startsWith('protocol/')) return 'protocol';
  const found = ROOM_OF_FILE.find(([form]) => form.test(path));
  if (found !== undefined) return found[1] === '' ? path.slice('server/'.length, -'.ts'.length) : found[1];
  const folder = /^server\/([a-z0-9]+)\//.exec(path)?.[1];
  return folder !== undefined && Object.hasOwn(MAY_IMPORT, folder) ? folder : undefined;
}

function importsOf(path: string, text: string): Import[] {
  return ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => ({
    from: path,
    to: fileName.startsWith('.') ? normalize(join(dirname(path), fileName)) : fileName,
  }));
}

/** Whether the global `process` is used: the word alone, not a member called so. */
function usesProcess(text: string): boolean {
  const isMention = (node: ts.Node): boolean => {
    if (ts.isIdentifier(node) && node.text === 'process') {
      const { parent } = node;
      const isMember = ts.isPropertyAccessExpression(parent) && parent.name === node;
      return !isMember || parent.expression.getText() === 'globalThis';
    }
    return ts.forEachChild(node, (child) => isMention(child) || undefined) ?? false;
  };
  return isMention(ts.createSourceFile('file.ts', text, ts.ScriptTarget.ES2023, true));
}

function findFaults(sources: Sources): string[] {
  const imports = [...sources].flatMap(([path, text]) => importsOf(path, text));
  return [
    ...[...sources].flatMap(([path, text]) => fileFaults(path, text)),
    ...imports.flatMap((found) => importFaults(found, sources)),
    ...findCycles(imports, sources),
  ];
}

function fileFaults(path: string, text: string): string[] {
  const faults: string[] = [];
  const lines = text.trimEnd().split('\n').length;
  if (lines > LINES_MAX) faults.push(`${path} has ${lines} lines`);
  if (roomOf(path) === undefined) faults.push(`${path} has no place in the house`);
  if (path !== 'server/main.ts' && usesProcess(text)) faults.push(`${path} touches process`);
  if (/export default\b/.test(text)) faults.push(`${path} has a default export`);
  return faults;
}

function importFaults({ from, to }: Import, sources: Sources): string[] {
  const fault = `${from} imports ${to}`;
  if (sources.has(to)) {
    const [here, there] = [roomOf(from) ?? '', roomOf(to) ?? ''];
    return here === there || MAY_IMPORT[here]?.includes(there) === true ? [] : [fault];
  }
  const name = to.replace(/^node:/, '');
  const owner = ONLY_IN[name.split('/')[0] ?? ''];
  const isFault =
    to.startsWith('.') ||
    (/^(?:server|protocol|tests|scripts)\//.test(to) && !sources.has(to)) ||
    (name === 'process' && from !== 'server/main.ts') ||
    (owner !== undefined && !owner.test(from)) ||
    (from.startsWith('protocol/') && name !== 'zod');
  return isFault ? [fault] : [];
}

function findCycles(imports: readonly Import[], sources: Sources): string[] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) if (sources.has(to)) next.set(from, [...(next.get(from) ?? []), to]);
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): void => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) cycles.push(`cycle: ${[...trail.slice(seenAt), path].join(' > ')}`);
    if (seenAt >= 0 || done.has(path)) return;
    for (const to of next.get(path) ?? []) walk(to, [...trail, path]);
    done.add(path);
  };
  for (const path of sources.keys()) walk(path, []);
  return cycles;
}

async function readSources(): Promise<Sources> {
  const sources = new Map<string, string>();
  for (const top of ['protocol', 'server']) {
    for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (entry.isFile() && path.endsWith('.ts')) sources.set(path, await readFile(path, 'utf8'));
    }
  }
  return sources;
}

describe('the house', () => {
  it('keeps its rules', async () => {
    const sources = await readSources();
    expect(sources.size).to.be.greaterThan(40);
    expect(findFaults(sources)).to.deep.equal([]);
  });

  it('keeps the ceiling in tests and scripts too', async () => {
    const long: string[] = [];
    for (const top of ['tests', 'scripts']) {
      for (const entry of await readdir(top, { recursive: true, withFileTypes: true })) {
        if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
        const path = join(entry.parentPath, entry.name);
        const lines = (await readFile(path, 'utf8')).trimEnd().split('\n').length;
        if (lines > LINES_MAX) long.push(`${path} has ${lines} lines`);
      }
    }
    expect(long).to.deep.equal([]);
  });

  const OTHERS = [
    'protocol/m.ts',
    'server/sessions/s.ts',
    'server/stores/redis/r.ts',
    'server/a2a/a.ts',
    'server/rpc/r.ts',
    'server/http/h.ts',
    'server/app.ts',
    'server/agents/a.ts',
    'server/config.ts',
    'server/main.ts',
  ];

  /** Faults of a house in which all is well but one file. */
  const planted = (path: string, text: string): string[] =>
    findFaults(new Map([...OTHERS.map((other) => [other, ''] as const), [path, text]]));

  for (const [path, text] of [
    ['protocol/x.ts', "import { z } from 'zod'; import './m.ts';"],
    ['server/sessions/x.ts', "import '../../protocol/m.ts'; import '../agents/a.ts';"],
    [
      'server/stores/redis/x.ts',
      "import { Redis } from 'ioredis'; import '../../sessions/s.ts'; import '../../config.ts';",
    ],
    [
      'server/http/x.ts',
      "import express from 'express'; import '../rpc/r.ts'; import '../../protocol/m.ts'; a.process(1);",
    ],
    ['server/app.ts', "import './stores/redis/r.ts'; import './http/h.ts'; // process"],
    ['server/main.ts', "import './app.ts'; process.exit(0);"],
  ] as const) {
    it(`finds nothing wrong with ${path}: ${text}`, () => {
      expect(planted(path, text)).to.deep.equal([]);
    });
  }

  for (const [path, text, fault] of [
    ['protocol/x.ts', "import '../server/a2a/a.ts';", 'protocol/x.ts imports server/a2a/a.ts'],
    ['protocol/x.ts', "import { readFile } from 'node:fs';", 'protocol/x.ts imports node:fs'],
    [
      'server/sessions/x.ts',
      "import type { R } from '../stores/redis/r.ts';",
      'server/sessions/x.ts imports server/stores/redis/r.ts',
    ],
    ['server/a2a/x.ts', "import '../stores/redis/r.ts';", 'server/a2a/x.ts imports server/stores/redis/r.ts'],
    ['server/stores/x.ts', "export * from '../a2a/a.ts';", 'server/stores/x.ts imports server/a2a/a.ts'],
    ['server/a2a/x.ts', "const r = await import('../rpc/r.ts');", 'server/a2a/x.ts imports server/rpc/r.ts'],
    ['server/agents/x.ts', "import '../config.ts';", 'server/agents/x.ts imports server/config.ts'],
    ['server/http/x.ts', "import '../app.ts';", 'server/http/x.ts imports server/app.ts'],
    ['server/a2a/x.ts', "import { Redis } from 'ioredis';", 'server/a2a/x.ts imports ioredis'],
    ['server/stores/x.ts', "import { Redis } from 'ioredis';", 'server/stores/x.ts imports ioredis'],
    ['server/rpc/x.ts', "import express from 'express';", 'server/rpc/x.ts imports express'],
    ['server/http/x.ts', "import jayson from 'jayson';", 'server/http/x.ts imports jayson'],
    ['server/http/x.ts', "import { jwtVerify } from 'jose';", 'server/http/x.ts imports jose'],
    ['server/http/x.ts', "import cluster from 'node:cluster';", 'server/http/x.ts imports node:cluster'],
    ['server/http/x.ts', "import { env } from 'node:process';", 'server/http/x.ts imports node:process'],
    ['server/http/x.ts', 'export const pid = process.pid;', 'server/http/x.ts touches process'],
    ['server/http/x.ts', 'export const { pid } = globalThis.process;', 'server/http/x.ts touches process'],
    ['server/http/x.ts', "import './missing.ts';", 'server/http/x.ts imports server/http/missing.ts'],
    [
      'server/http/x.ts',
      "import '../../tests/helpers/server.ts';",
      'server/http/x.ts imports tests/helpers/server.ts',
    ],
    ['server/http/x.ts', '\n'.repeat(300) + 'x', 'server/http/x.ts has 301 lines'],
    ['server/http/x.ts', 'export default 1;', 'server/http/x.ts has a default export'],
    ['server/tools.ts', '', 'server/tools.ts has no place in the house'],
    ['server/misc/x.ts', '', 'server/misc/x.ts has no place in the house'],
    ['server/a2a/a.ts', "import './a.ts';", 'cycle: server/a2a/a.ts > server/a2a/a.ts'],
  ] as const) {
    it(`finds: ${fault}`, () => {
      expect(planted(path, text)).to.deep.equal([fault]);
    });
  }

  it('finds a circle of several files', () => {
    const sources = new Map([
      ['server/a2a/a.ts', "import './b.ts';"],
      ['server/a2a/b.ts', "import './c.ts';"],
      ['server/a2a/c.ts', "import type { A } from './a.ts';"],
    ]);
    expect(findFaults(sources)).to.deep.equal([
      'cycle: server/a2a/a.ts > server/a2a/b.ts > server/a2a/c.ts > server/a2a/a.ts',
    ]);
  });
});
