/** A server of which only the doors are real, and requests as raw as a test needs them. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ServerParts } from '../../server/app.ts';
import { FakeBackend } from './fake-backend.ts';
import { overheard } from './overheard.ts';
import { sendV01 } from './rpc.ts';
import { type TestServer, useServer } from './server.ts';

export const SEND = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tasks/send',
  params: sendV01('t1', 'hello'),
});

/** A server with a fake behind its doors. */
export function useDoor(
  env: Record<string, string> = {},
  parts: () => Partial<ServerParts> = () => ({}),
): {
  readonly door: TestServer;
  readonly backend: FakeBackend;
} {
  let backend = new FakeBackend();
  const door = useServer(() => {
    backend = new FakeBackend();
    return { buildBackend: () => backend, ...parts() };
  }, env);
  return {
    door,
    get backend() {
      return backend;
    },
  };
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: string;
}

/** One request with full control of its headers, which fetch does not give. */
export async function raw(
  url: string,
  options: { method?: string; path?: string; headers?: Record<string, string> },
  body?: string,
): Promise<RawAnswer> {
  const req = request(url, { method: 'POST', agent: false, ...options });
  req.end(body);
  const res = await responseTo(req);
  const answer = { status: res.statusCode ?? 0, headers: res.headers, body: await text(res) };
  overheard.hearAnswer(new URL(options.path ?? '', url), answer.status, answer.body);
  return answer;
}

export const JSON_TYPE = { 'Content-Type': 'application/json' };

export async function responseTo(req: ClientRequest): Promise<IncomingMessage> {
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return res;
}
