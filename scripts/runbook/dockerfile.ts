/** As much of the language of a Dockerfile as ours is written in; whatever else is met is an error, not passed over. */

export interface Instruction {
  readonly name: string;
  /** As it stands there, arguments put in. */
  readonly text: string;
  /** The words, or the elements of a JSON list. */
  readonly words: readonly string[];
  /** `--name=value` in front of the words. */
  readonly flags: ReadonlyMap<string, string>;
}

export interface Stage {
  readonly image: string;
  /** Absent: the last one, which becomes the image. */
  readonly name?: string;
  readonly instructions: readonly Instruction[];
}

const FLAG = /^--([a-z-]+)=(\S+)\s+/;

function toInstruction(line: string): Instruction {
  const [, name = '', rest = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
  if (name === '') throw new Error(`not an instruction: ${line}`);
  const flags = new Map<string, string>();
  let text = rest;
  for (let found = FLAG.exec(text); found !== null; found = FLAG.exec(text)) {
    flags.set(found[1] ?? '', found[2] ?? '');
    text = text.slice(found[0].length);
  }
  // What it is checked with is a command like those of ENTRYPOINT and CMD.
  if (name === 'HEALTHCHECK') text = text.replace(/^CMD\s+/, '');
  const words = text.startsWith('[') ? (JSON.parse(text) as string[]) : text.split(/\s+/);
  return { name, text, words, flags };
}

/** @throws {Error} for what is no instruction, or stands before the first FROM */
export function parseDockerfile(source: string): Stage[] {
  const given = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const line of source.split('\n').filter((text) => text.trim() !== '' && !text.startsWith('#'))) {
    const instruction = toInstruction(line);
    const { name, words } = instruction;
    const stage = stages.at(-1);
    if (name === 'ARG') {
      const [key = '', value = ''] = (words[0] ?? '').split('=');
      given.set(key, value);
    } else if (name === 'FROM') {
      const image = (words[0] ?? '').replaceAll(/\$\{(\w+)\}/g, (_, key: string) => given.get(key) ?? '');
      stages.push({ image, ...(words[1] === 'AS' && { name: words[2] ?? '' }), instructions: [] });
    } else if (stage === undefined) throw new Error(`before the first FROM: ${line}`);
    else stage.instructions.push(instruction);
  }
  return stages;
}

/** The last value of an instruction in a stage. */
export const lastOf = ({ instructions }: Stage, name: string): Instruction | undefined =>
  instructions.findLast((instruction) => instruction.name === name);

/**
 * What a .dockerignore leaves in the context. Patterns are paths without wildcards but `*` alone; the last one that fits
 * a path, or a folder that it is in, counts.
 */
export function createIgnore(source: string): (path: string) => boolean {
  const patterns = source.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return (path) => {
    let isIgnored = false;
    for (const pattern of patterns) {
      const plain = pattern.replace(/^!/, '');
      if (plain === '*' || plain === path || path.startsWith(`${plain}/`)) isIgnored = plain === pattern;
    }
    return isIgnored;
  };
}
