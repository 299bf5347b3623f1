/**
 * The Dockerfile without a container engine: every COPY and RUN of it is carried out, stage by stage, in empty folders,
 * with nothing of the repository that .dockerignore keeps out. Then the command of the image is started as the image
 * says, its health check passes, it keeps a session over a kill, and stops cleanly. What is not shown: the base image,
 * layers, and the user where this is not root.
 *
 *     node --import=tsx scripts/runbook/container.ts
 *
 * Not in the quick form: it installs and builds everything twice.
 */
import { cp, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { freePorts } from '../../tests/helpers/redis.ts';
import { createIgnore, type Instruction, lastOf, parseDockerfile, type Stage } from './dockerfile.ts';
import { must, rehearse } from './rehearsal.ts';
import { finish, StartedServer } from './started-server.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

interface Built {
  /** What stands for `/`. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
}

const toEnv = (words: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]),
  );

async function copy(
  { words, flags }: Instruction,
  built: Built,
  stages: ReadonlyMap<string, Built>,
): Promise<void> {
  const from = flags.get('from');
  const source = from === undefined ? ROOT : (stages.get(from)?.root ?? '');
  must(source !== '', `there is a stage ${from ?? ''} to copy from`);
  const ignored =
    from === undefined ? createIgnore(await readFile(join(ROOT, '.dockerignore'), 'utf8')) : undefined;
  const to = words.at(-1) ?? '';
  must(to.endsWith('/'), `COPY copies into a folder: ${words.join(' ')}`);
  for (const word of words.slice(0, -1)) {
    const path = join(source, word);
    must(ignored?.(word) !== true, `.dockerignore leaves ${word} in the context`);
    const isFolder = (await stat(path)).isDirectory();
    // As Docker does it: of a folder what is in it, of a file the file.
    const target = join(built.root, built.workdir, to, isFolder ? '' : (word.split('/').at(-1) ?? ''));
    await mkdir(dirname(target), { recursive: true });
    const filter = (each: string): boolean => each === path || ignored?.(relative(ROOT, each)) !== true;
    await cp(path, target, { recursive: true, filter, verbatimSymlinks: true });
  }
}

async function build(
  stage: Stage,
  root: string,
  home: string,
  stages: ReadonlyMap<string, Built>,
): Promise<Built> {
  must(/^node:\d+-/.test(stage.image), `${stage.image} is an image of Node.js`);
  let built: Built = { root, workdir: '/', env: {} };
  for (const instruction of stage.instructions) {
    const { name, text, words } = instruction;
    const cwd = join(root, built.workdir);
    const { PATH = '' } = process.env;
    if (name === 'WORKDIR') {
      built = { ...built, workdir: text };
      await mkdir(join(root, text), { recursive: true });
    } else if (name === 'ENV') built = { ...built, env: { ...built.env, ...toEnv(words) } };
    else if (name === 'COPY') await copy(instruction, built, stages);
    else if (name === 'RUN') {
      // Only root gives files away.
      const command = process.getuid?.() === 0 ? text : text.replace(/ && chown \S+ \S+$/, '');
      await finish('/bin/sh', ['-ec', command], { cwd, env: { PATH, HOME: home, ...built.env } });
    } else
      must(
        ['USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(name),
        `${name} is known`,
      );
  }
  return built;
}

await rehearse('container', 300_000, async ({ folder, held, atEnd }) => {
  const stages = parseDockerfile(await readFile(join(ROOT, 'Dockerfile'), 'utf8'));
  const all = new Map<string, Built>();
  for (const [i, stage] of stages.entries()) {
    const name = stage.name ?? 'image';
    all.set(name, await build(stage, join(folder, String(i)), process.env['HOME'] ?? folder, all));
    held(`stage ${name}: ${stage.instructions.length} instructions`);
  }
  const [image, last] = [all.get('image'), stages.at(-1)];
  must(image !== undefined && last !== undefined, 'the last stage has no name');
  const [user, group] = (lastOf(last, 'USER')?.text ?? '').split(':').map(Number);
  must(user !== undefined && user > 0 && group !== undefined && group > 0, 'it does not run as root');
  const { stdout: size } = await finish('du', ['-sm', image.root], { cwd: folder, env: process.env });
  held(`the image has ${size.split('\t')[0] ?? ''} MB beside its base`);

  // The folders above it are another user's.
  await finish('chmod', ['755', folder], { cwd: folder, env: process.env });
  const [port = 0] = await freePorts(1);
  const where = {
    cwd: join(image.root, image.workdir),
    env: { PATH: process.env['PATH'], ...image.env, PORT: String(port) },
  };
  const [command = '', ...args] = ['ENTRYPOINT', 'CMD'].flatMap((name) => lastOf(last, name)?.words ?? []);
  const as = process.getuid?.() === 0 ? { uid: user, gid: group } : {};
  const start = async (): Promise<StartedServer> => {
    const server = new StartedServer(command, args, { ...where, ...as });
    atEnd(() => server.kill());
    await server.listening();
    return server;
  };
  const first = await start();
  const [check = '', ...rest] = lastOf(last, 'HEALTHCHECK')?.words ?? [];
  await finish(check, rest, where);
  held(`it runs${'uid' in as ? ` as user ${user}` : ', as this user'}, and its health check passes`);
  await first.say('my name is Ada');
  await first.kill();
  const stillPasses = await finish(check, rest, where).then(
    () => true,
    () => false,
  );
  must(!stillPasses, 'the health check fails when nothing runs');
  const second = await start();
  must((await second.say('recall')).includes('my name is Ada'), 'the session is there again');
  must((await second.stop()) === 0, 'it stops cleanly');
  held('a session outlives kill -9, and SIGTERM ends it with 0');
});
