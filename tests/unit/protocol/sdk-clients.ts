/** Readers of the official SDK, for what the codecs write. */
import { LegacyJsonRpcTransport } from '@a2a-js/sdk/compat/v0_3/client';
import type { JsonValue } from '../../../protocol/units.ts';

interface RpcRequest {
  id: JsonValue;
  method: string;
  params: unknown;
}

function client(answer: (request: RpcRequest) => { body: string; type: string }): LegacyJsonRpcTransport {
  const fetchImpl: typeof fetch = (_url, init) => {
    const { body, type } = answer(JSON.parse(init?.body as string) as RpcRequest);
    return Promise.resolve(new Response(body, { headers: { 'Content-Type': type } }));
  };
  return new LegacyJsonRpcTransport({ endpoint: 'http://server.example/', fetchImpl });
}

const envelope = (id: JsonValue, result: JsonValue) => JSON.stringify({ jsonrpc: '2.0', id, result });

/** A 0.3 client of the official SDK whose server is a function of what it sends. */
export function legacyClient(answer: (params: unknown, method: string) => JsonValue): LegacyJsonRpcTransport {
  return client(({ id, params, method }) => ({
    body: envelope(id, answer(params, method)),
    type: 'application/json',
  }));
}

/** A 0.3 client of the official SDK whose server streams, whatever it sends. */
export function legacyStreamClient(
  answer: (params: unknown, method: string) => JsonValue[],
): LegacyJsonRpcTransport {
  return client(({ id, params, method }) => {
    const frames = answer(params, method).map((result) => `data: ${envelope(id, result)}\n\n`);
    return { body: frames.join(''), type: 'text/event-stream' };
  });
}
