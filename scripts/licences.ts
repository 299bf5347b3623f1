/**
 * The licences of everything that is installed with Holdfast: prints what is not allowed, and with --write renews
 * docs/third-party.md.
 *
 *     node --import=tsx scripts/licences.ts [--write]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';

/** Those that ask for no more than to be named, in source and in binary form. */
const ALLOWED: ReadonlySet<string> = new Set([
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'],
]);

export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** As the package says it, an SPDX expression; absent: it says nothing. */
  readonly license?: string;
}

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly dev?: boolean;
}

/** What `npm install --omit=dev` may install, on any platform: a package-lock.json of version 3 says so. */
export function thirdPartyIn(lock: { readonly packages: Readonly<Record<string, Locked>> }): ThirdParty[] {
  const found = new Map<string, ThirdParty>();
  for (const [path, { version = '', license, dev }] of Object.entries(lock.packages)) {
    if (path === '' || dev === true) continue;
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    found.set(`${name}@${version}`, { name, version, ...(license !== undefined && { license }) });
  }
  return [...found.values()].sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

/** @returns what somebody has to look at before it may be installed with Holdfast */
export const notAllowed = (packages: readonly ThirdParty[]): string[] =>
  packages
    .filter(({ license }) => license === undefined || !ALLOWED.has(license))
    .map(({ name, version, license }) => `${name}@${version}: ${license ?? 'no licence'}`);

export function toDocument(packages: readonly ThirdParty[]): string {
  const rows = packages.map(({ name, version, license }) => `| ${name} | ${version} | ${license ?? '–'} |`);
  return `# Third-party packages

What \`npm ci --omit=dev\` may install, from package-lock.json; packages of other platforms than yours are left out by npm. Renewed by \`node --import=tsx scripts/licences.ts --write\`, held by a test. Allowed are ${[...ALLOWED].join(', ')}; another licence fails the tests until somebody has decided about it.

| package | version | licence |
|---|---|---|
${rows.join('\n')}
`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const at = (path: string): URL => new URL(`../${path}`, import.meta.url);
  const lock = JSON.parse(await readFile(at('package-lock.json'), 'utf8')) as Parameters<
    typeof thirdPartyIn
  >[0];
  const packages = thirdPartyIn(lock);
  const faults = notAllowed(packages);
  if (process.argv.includes('--write')) await writeFile(at('docs/third-party.md'), toDocument(packages));
  console.log(`${packages.length} packages, ${faults.length} with a licence that is not allowed`);
  for (const fault of faults) console.log(`  ${fault}`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
