/** Holds the list of exports in docs/library.md to the package. */
import { expect } from 'chai';
import { readFile } from 'node:fs/promises';

const namesIn = (text: string, form: RegExp): string[] =>
  [...text.matchAll(form)].flatMap(([, list = '']) => list.match(/\w+/g) ?? []).sort();

describe('the library page', () => {
  it('lists every export of the package, and no others', async () => {
    const exported = namesIn(
      await readFile('server/index.ts', 'utf8'),
      /^export (?:type )?\{([^}]+)\} from/gm,
    );
    const page = await readFile('docs/library.md', 'utf8');
    const section = page.split('\n## Every export\n')[1]?.split('\n## ', 1)[0] ?? '';
    const listed = namesIn(section.replaceAll(/^\|[^|]*\|([^|]*)\|.*$/gm, '$1'), /`(\w+)`/g);
    expect(exported.length).to.be.greaterThan(40);
    expect(listed).to.deep.equal(exported);
  });
});
