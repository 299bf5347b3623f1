/** The client of the official SDK with an API key: the extended card, and what it is told without one. */
import { SendMessageRequest } from '@a2a-js/sdk';
import { expect } from 'chai';
import { CARD, keysFile, newKey, useFiles } from '../conformance/card-files.ts';
import { say } from '../conformance/said.ts';
import { SDK_GENERATIONS } from '../helpers/sdk-clients.ts';
import { useServer } from '../helpers/server.ts';

const SECRET_SKILL = { id: 'secret', name: 'Secret', description: 'For members.', tags: ['members'] };

for (const { title, env: generation, connect } of SDK_GENERATIONS) {
  describe(`the client of the official SDK with a key ${title}`, () => {
    const env = { ...generation };
    const key = newKey('acme', 'ann');
    useFiles(env, {
      A2A_API_KEYS_FILE: () => keysFile([key]),
      A2A_CARD_FILE: () => ({ ...CARD, extended: { skills: [SECRET_SKILL] } }),
    });
    const used = useServer(undefined, env);

    const withKey: typeof fetch = (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set('Authorization', `Bearer ${key.key}`);
      return fetch(url, { ...init, headers });
    };

    it('is shown the extended card', async () => {
      const client = await connect(used.origin, withKey);
      const { skills } = await client.getAgentCard();
      expect(skills.map(({ id }) => id)).to.include('secret');
    });

    it('sends as the subject of its key', async () => {
      const client = await connect(used.origin, withKey);
      const answer = await client.sendMessage(SendMessageRequest.fromJSON(say('hello')));
      expect('status' in answer).to.equal(true);
    });

    it('is refused without it, before anything is done', async () => {
      const client = await connect(used.origin);
      const error = await client.sendMessage(SendMessageRequest.fromJSON(say('hello'))).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(Error);
    });
  });
}
