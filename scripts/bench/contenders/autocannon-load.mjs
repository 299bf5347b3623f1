/** Drives autocannon as a file of JSON says, and says in JSON what came of it. Runs from .bench/, where autocannon is. */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import autocannon from 'autocannon';

const { url, connections, seconds, pieces, items, expects } = JSON.parse(
  readFileSync(process.argv[2], 'utf8'),
);
let n = 0;
let example = '';

function nextBody() {
  n += 1;
  let body = '';
  for (const { text, insert } of pieces) body += text ?? (insert === 'number' ? n : items[n % items.length]);
  return body;
}

const result = await autocannon({
  url,
  connections,
  duration: seconds,
  timeout: 15,
  method: 'POST',
  headers: { 'Content-Type': 'application/json', 'A2A-Version': '1.0' },
  requests: [{ setupRequest: (request) => ({ ...request, body: nextBody() }) }],
  verifyBody: (body) => {
    const isRight = body.includes(expects);
    if (!isRight) example = body.slice(0, 300);
    return isRight;
  },
});
process.stdout.write(
  JSON.stringify({
    requests: result.requests.total,
    perSecond: result.requests.total / result.duration,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
    wrongAnswers: result.mismatches + result.non2xx,
    failures: result.errors + result.timeouts,
    example,
  }),
);
