import { once } from 'node:events';
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http';

export interface Asked {
  readonly port: number;
  /** Default `/a2a`. */
  readonly path?: string;
  readonly key?: string;
  readonly lastEventId?: string;
  /** Address of this machine that the connection comes from. */
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Absent: a GET. */
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: IncomingMessage;
  text(): Promise<string>;
}

/** One request, each over a connection of its own. */
export async function ask({
  port,
  path = '/a2a',
  key,
  lastEventId,
  from,
  headers,
  body,
}: Asked): Promise<Answer> {
  const sent = request({
    host: '127.0.0.1',
    port,
    path,
    method: body === undefined ? 'GET' : 'POST',
    agent: false,
    ...(from !== undefined && { localAddress: from }),
    headers: {
      'A2A-Version': '1.0',
      'Content-Type': 'application/json',
      ...(key !== undefined && { 'X-API-Key': key }),
      ...(lastEventId !== undefined && { 'Last-Event-ID': lastEventId }),
      ...headers,
    },
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  answer.setEncoding('utf8');
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body: answer,
    text: async () => (await answer.toArray()).join(''),
  };
}
