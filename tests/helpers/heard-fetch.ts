import { overheard } from './overheard.ts';

/** From now on every error and every state that a test of this process fetches is heard, as soon as it reads it. */
export function hearFetch(): void {
  const plain = globalThis.fetch;
  globalThis.fetch = async (input, init) => heard(await plain(input, init));
}

/** Read as before, and no byte more than before: a stream that a test leaves open stays open. */
function heard(response: Response): Response {
  const plain = response.text.bind(response);
  const text = async (): Promise<string> => {
    const body = await plain();
    overheard.hearAnswer(response.url, response.status, body);
    return body;
  };
  const json = async (): Promise<unknown> => JSON.parse(await text());
  return Object.assign(response, { text, json });
}
