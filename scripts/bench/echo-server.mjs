/** What `node:http` and jayson cost by themselves: answers a blocking send with a completed task and stores nothing. */
import { Buffer } from 'node:buffer';
import { createServer } from 'node:http';
import process from 'node:process';
import jayson from 'jayson';

const rpc = new jayson.Server({
  SendMessage: (params, reply) => {
    const status = { state: 'TASK_STATE_COMPLETED', timestamp: new Date().toISOString() };
    const text = `echo: ${params.message.parts[0].text}`;
    const artifacts = [{ artifactId: 'echo', parts: [{ text }] }];
    reply(null, { task: { id: 't', contextId: 'c', status, artifacts, history: [params.message] } });
  },
});

const server = createServer((req, res) => {
  let body = '';
  req.setEncoding('utf8').on('data', (chunk) => (body += chunk));
  req.on('end', () => {
    rpc.call(JSON.parse(body), (error, response) => {
      const text = JSON.stringify(error ?? response);
      res.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
      res.end(text);
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(
    `${JSON.stringify({ event: 'server_listening', url: `http://127.0.0.1:${server.address().port}/` })}\n`,
  );
});
