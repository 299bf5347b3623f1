/** All that `npm run lint` looks at, side by side: one after the other takes the second core nothing. */
import { Buffer } from 'node:buffer';
import { spawn } from 'node:child_process';
import process from 'node:process';

const CHECKS = [
  ['eslint', '.'],
  ['prettier', '--check', '.'],
  ['tsc', '-p', 'tsconfig.json'],
];

/** Told whole, when it is over: lines of several checks are not mixed. */
function run([name, ...args]) {
  return new Promise((resolve) => {
    const child = spawn(name, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    child.stdout.on('data', (chunk) => said.push(chunk));
    child.stderr.on('data', (chunk) => said.push(chunk));
    child.on('error', (error) => {
      said.push(Buffer.from(`${error.message}\n`));
      resolve({ name, code: 1, said });
    });
    child.on('close', (code) => {
      resolve({ name, code: code ?? 1, said });
    });
  });
}

const ended = await Promise.all(CHECKS.map(run));
for (const { name, code, said } of ended) {
  process.stdout.write(Buffer.concat(said));
  process.stdout.write(`${name}: ${code === 0 ? 'nothing to say' : 'failed'}\n`);
}
process.exitCode = ended.every(({ code }) => code === 0) ? 0 : 1;
