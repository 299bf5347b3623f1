/** The table of commands, what each says of itself, and that docs/cli.md and it say the same. */
import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { COMMANDS } from '../../../server/cli/commands.ts';
import { runCli } from '../../helpers/cli.ts';

/** Commands that a page has a section for, and options that it speaks of in it. */
function sectionsOf(page: string): Map<string, string> {
  const parts = page.split(/^## holdfast /m).slice(1);
  return new Map(parts.map((part) => [part.split('\n', 1)[0] ?? '', part]));
}

function faultsOf(page: string): string[] {
  const sections = sectionsOf(page);
  const faults: string[] = [];
  for (const { name } of COMMANDS) {
    const section = sections.get(name);
    if (section === undefined) faults.push(`${name} has no section`);
    else if (!['serve', 'keys'].includes(name) && !section.includes(`holdfast ${name}`))
      faults.push(`${name} has no example`);
  }
  for (const [name, section] of sections) {
    const command = COMMANDS.find((known) => known.name === name);
    if (command === undefined) faults.push(`${name} is no command`);
    for (const [, option = ''] of section.matchAll(/(?<![\w-])--([a-z][a-z-]+)/g))
      if (command !== undefined && name !== 'keys' && !command.usage.includes(`--${option}`))
        faults.push(`${name} has no --${option}`);
  }
  return faults;
}

// Awaited here, so that this file is loaded as the commands load what they need: one class of each error.
const page = await readFile('docs/cli.md', 'utf8');

describe('the commands', () => {
  it('are all in docs/cli.md with an example, and nothing else is', () => {
    expect(faultsOf(page)).to.deep.equal([]);
    const without = page.replace('## holdfast instances', '## holdfast instance');
    expect(faultsOf(without)).to.deep.equal(['instances has no section', 'instance is no command']);
    expect(faultsOf(page.replace('`--follow`', '`--fellow`'))).to.deep.equal([
      'sessions tail has no --fellow',
    ]);
    expect(faultsOf(page.replaceAll('holdfast store stats\n', 'x\n'))).to.include(
      'store stats has no section',
    );
  });

  it('are all in the help, in the order in which they are written down', async () => {
    for (const args of [['help'], ['--help'], ['-h']]) {
      const { code, out } = await runCli(args, {});
      const named = [...out.matchAll(/^ {2}(\S+(?: \S+)?) {2,}\S/gm)].map(([, name]) => name);
      expect([code, named]).to.deep.equal([0, COMMANDS.map(({ name }) => name)]);
    }
  });

  for (const { name, usage, about } of COMMANDS) {
    it(`${name} says what it is for, and does nothing else then`, async () => {
      const asked = await runCli([...name.split(' '), '--help'], {});
      const told = await runCli(['help', ...name.split(' ')], {});
      expect([told.code, told.out]).to.deep.equal([0, `Usage: holdfast ${usage}\n\n${about}\n`]);
      expect(asked.code).to.equal(0);
      expect(asked.out).to.match(/^Usage: holdfast /);
      if (name !== 'keys') expect(asked.out).to.equal(told.out);
    });

    it(`${name} refuses an option that it does not have`, async () => {
      const { code, out, err } = await runCli([...name.split(' '), '--nonsense'], { A2A_STORE: 'memory' });
      expect([code, out]).to.deep.equal([2, '']);
      expect(err).to.match(/^holdfast: /);
    });
  }

  for (const [args, says] of [
    [['sessions'], 'sessions needs a command: sessions list,'],
    [['sessions', 'lost'], 'sessions needs a command'],
    [['nonsense'], 'unknown argument nonsense'],
    [['sessions', 'show'], '<session id> is required'],
    [['sessions', 'show', 'a', 'b'], '"b" is one word too many'],
    [['sessions', 'list', '--limit', '0'], '--limit must be a whole number from 1 to 100000, got 0'],
    [['sessions', 'list', '--limit', '1e3'], '--limit must be a whole number'],
    [['sessions', 'list', '--after', 'x'], '--after must be what a list before has given'],
    [['tasks', 'settle', 'nodot'], 'a task id is <session id>.<local part>'],
  ] as const) {
    it(`refuse ${args.join(' ')}: ${says}`, async () => {
      const { code, err } = await runCli(args, { A2A_STORE: 'memory' });
      expect(code).to.equal(2);
      expect(err).to.include(says);
    });
  }

  it('say of a store that is inside a server that they cannot look into it', async () => {
    const { code, err } = await runCli(['sessions', 'list'], { A2A_STORE: 'memory' });
    expect([code, err]).to.deep.equal([
      3,
      'holdfast: the memory store is inside the server: nobody else can look into it\n',
    ]);
  });

  it('say what is wrong with the configuration as the server does', async () => {
    const { code, err } = await runCli(['instances'], { PORT: 'x' });
    expect([code, err.split('\n')[0]]).to.deep.equal([2, 'Configuration is not usable:']);
  });
});
