/**
 * Loaded into a server before it starts: SIGUSR2 moves its monotonic clock on by a little more than a minute, so that what
 * it keeps for a minute need not be waited for.
 */
import { performance } from 'node:perf_hooks';
import process from 'node:process';

const LEAP_MS = 61_000;
const real = performance.now.bind(performance);
let leapt = 0;
performance.now = () => real() + leapt;
process.on('SIGUSR2', () => (leapt += LEAP_MS));
