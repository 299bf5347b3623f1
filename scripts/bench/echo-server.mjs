/**
 * What a front costs by itself: answers with a completed task as large as ours and stores nothing. `node:http` and
 * jayson, or with BENCH_FRONT=express Express and the middleware of jayson, as its documentation puts it there.
 */
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import process from 'node:process';
import express from 'express';
import jayson from 'jayson';

const taskOf = (id, message) => ({
  id,
  contextId: 'c',
  status: { state: 'TASK_STATE_COMPLETED', timestamp: new Date().toISOString() },
  artifacts: [{ artifactId: 'echo', name: 'echo', parts: [{ text: `echo: ${message.parts[0].text}` }] }],
  history: [message],
});

const message = { messageId: 'a message', role: 'ROLE_USER', parts: [{ text: 'x'.repeat(200) }] };

const rpc = new jayson.Server({
  SendMessage: (params, reply) => {
    reply(null, { task: taskOf('t', params.message) });
  },
  GetTask: ({ id }, reply) => {
    reply(null, taskOf(id, message));
  },
});

function answer(req, res) {
  let body = '';
  req.setEncoding('utf8').on('data', (chunk) => (body += chunk));
  req.on('end', () => {
    rpc.call(JSON.parse(body), (error, response) => {
      const text = JSON.stringify(error ?? response);
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
      res.end(text);
    });
  });
}

const front =
  process.env.BENCH_FRONT === 'express'
    ? express()
        .use(express.json({ limit: '4mb' }))
        .use(rpc.middleware())
    : answer;
const server = createServer(front);
server.listen(0, '127.0.0.1', () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  process.stdout.write(`${JSON.stringify({ event: 'server_listening', url })}\n`);
});
