import { AgentCard } from '@a2a-js/sdk';
import { isLegacyAgentCard, parseLegacyAgentCard } from '@a2a-js/sdk/compat/v0_3/client';
import { expect } from 'chai';
import { mergedCard, v03Card, v1Card, type CardInput } from '../../../protocol/agent-card.ts';

const INPUT: CardInput = {
  name: 'Echo',
  description: 'Says it again',
  version: '1.2.3',
  url: 'https://agent.example/a2a',
  provider: { organization: 'Example', url: 'https://example.test' },
  documentationUrl: 'https://example.test/docs',
  iconUrl: 'https://example.test/icon.png',
  capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain', 'application/json'],
  skills: [
    { id: 'echo', name: 'Echo', description: 'Echoes', tags: ['demo'], examples: ['hi'], inputModes: [] },
  ],
};

const SHARED = {
  name: 'Echo',
  description: 'Says it again',
  version: '1.2.3',
  provider: { organization: 'Example', url: 'https://example.test' },
  documentationUrl: 'https://example.test/docs',
  iconUrl: 'https://example.test/icon.png',
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain', 'application/json'],
  skills: [{ id: 'echo', name: 'Echo', description: 'Echoes', tags: ['demo'], examples: ['hi'] }],
};
const INTERFACES = [
  { url: 'https://agent.example/a2a', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
  { url: 'https://agent.example/a2a', protocolBinding: 'JSONRPC', protocolVersion: '0.3' },
];
const ONLY_03 = {
  protocolVersion: '0.3.0',
  url: 'https://agent.example/a2a',
  preferredTransport: 'JSONRPC',
  additionalInterfaces: [{ url: 'https://agent.example/a2a', transport: 'JSONRPC' }],
  supportsAuthenticatedExtendedCard: false,
};

describe('the agent card', () => {
  it('has in 1.0 what a2a.proto names and nothing else, 1.0 first', () => {
    expect(v1Card(INPUT)).to.deep.equal({
      ...SHARED,
      supportedInterfaces: INTERFACES,
      capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false },
    });
  });

  it('has in 0.3 what its types name', () => {
    expect(v03Card(INPUT)).to.deep.equal({
      ...SHARED,
      ...ONLY_03,
      capabilities: { streaming: true, pushNotifications: false, stateTransitionHistory: false },
    });
  });

  it('has all of it when merged', () => {
    expect(mergedCard(INPUT)).to.deep.equal({
      ...SHARED,
      ...ONLY_03,
      supportedInterfaces: INTERFACES,
      capabilities: {
        streaming: true,
        pushNotifications: false,
        extendedAgentCard: false,
        stateTransitionHistory: false,
      },
    });
  });

  it('says truly what is on and what is off', () => {
    const on = {
      ...INPUT,
      capabilities: { streaming: false, pushNotifications: true, extendedAgentCard: true },
    };
    expect(mergedCard(on)).to.deep.include({
      capabilities: {
        streaming: false,
        pushNotifications: true,
        extendedAgentCard: true,
        stateTransitionHistory: false,
      },
      supportsAuthenticatedExtendedCard: true,
    });
  });

  it('leaves out what there is none of', () => {
    const { name, description, version, url, capabilities, defaultInputModes, defaultOutputModes } = INPUT;
    const least = { name, description, version, url, capabilities, defaultInputModes, defaultOutputModes };
    expect(v1Card({ ...least, skills: [] })).to.have.all.keys(
      ...['name', 'description', 'version', 'supportedInterfaces', 'capabilities'],
      ...['defaultInputModes', 'defaultOutputModes', 'skills'],
    );
  });

  describe('of an agent that wants credentials and has extensions', () => {
    const guarded: CardInput = {
      ...INPUT,
      extensions: [
        {
          uri: 'https://example.test/geo/v1',
          description: 'Where',
          required: true,
          params: { precision: 2 },
        },
        { uri: 'urn:example:log', required: false },
      ],
      security: [
        { name: 'bearer', type: 'http', scheme: 'Bearer', description: 'A key' },
        { name: 'apiKey', type: 'apiKey', header: 'X-API-Key' },
      ],
    };
    const extensions = [
      { uri: 'https://example.test/geo/v1', description: 'Where', required: true, params: { precision: 2 } },
      { uri: 'urn:example:log' },
    ];
    const v1Bearer = { httpAuthSecurityScheme: { description: 'A key', scheme: 'Bearer' } };
    const v1ApiKey = { apiKeySecurityScheme: { location: 'header', name: 'X-API-Key' } };
    const v03Bearer = { description: 'A key', type: 'http', scheme: 'Bearer' };
    const v03ApiKey = { type: 'apiKey', in: 'header', name: 'X-API-Key' };
    const securityRequirements = [{ schemes: { bearer: {} } }, { schemes: { apiKey: {} } }];
    const security = [{ bearer: [] }, { apiKey: [] }];

    it('says so in the words of 1.0', () => {
      const card = v1Card(guarded);
      expect(card).to.deep.include({
        securitySchemes: { bearer: v1Bearer, apiKey: v1ApiKey },
        securityRequirements,
      });
      expect(card).to.have.deep.nested.property('capabilities.extensions', extensions);
      expect(card).to.not.have.any.keys('security', 'authentication');
    });

    it('says so in the words of 0.3', () => {
      const card = v03Card(guarded);
      expect(card).to.deep.include({ securitySchemes: { bearer: v03Bearer, apiKey: v03ApiKey }, security });
      expect(card).to.have.deep.nested.property('capabilities.extensions', extensions);
      expect(card).to.not.have.any.keys('securityRequirements', 'authentication');
    });

    it('says so in all words at once when merged, those of 0.1 included', () => {
      expect(mergedCard(guarded)).to.deep.include({
        securitySchemes: {
          bearer: { ...v03Bearer, ...v1Bearer },
          apiKey: { ...v03ApiKey, ...v1ApiKey },
        },
        security,
        securityRequirements,
        authentication: { schemes: ['Bearer', 'ApiKey'] },
      });
    });

    it('is understood by the official SDK in each form', () => {
      for (const card of [mergedCard(guarded), v1Card(guarded)]) {
        const read = AgentCard.fromJSON(card);
        expect(read.securitySchemes['bearer']?.scheme).to.deep.include({
          $case: 'httpAuthSecurityScheme',
          value: { description: 'A key', scheme: 'Bearer', bearerFormat: '' },
        });
        expect(read.securitySchemes['apiKey']?.scheme).to.deep.nested.include({
          'value.location': 'header',
          'value.name': 'X-API-Key',
        });
        const needed = read.securityRequirements.map(({ schemes }) => Object.keys(schemes));
        expect(needed).to.deep.equal([['bearer'], ['apiKey']]);
        expect(read.capabilities?.extensions.map(({ required }) => required)).to.deep.equal([true, false]);
      }
      for (const card of [mergedCard(guarded), v03Card(guarded)]) {
        const read = parseLegacyAgentCard(card);
        expect(read.securitySchemes['bearer']?.scheme?.$case).to.equal('httpAuthSecurityScheme');
        expect(read.capabilities?.extensions[0]?.params).to.deep.equal({ precision: 2 });
      }
    });
  });

  it('is read by the official SDK, as 1.0 and as 0.3', () => {
    for (const card of [mergedCard(INPUT), v1Card(INPUT)]) {
      const read = AgentCard.fromJSON(card);
      expect(read.supportedInterfaces.map(({ protocolVersion }) => protocolVersion)).to.deep.equal([
        '1.0',
        '0.3',
      ]);
      expect(read.capabilities?.streaming).to.equal(true);
      expect(read.skills).to.have.length(1);
    }
    for (const card of [mergedCard(INPUT), v03Card(INPUT)]) {
      expect(parseLegacyAgentCard(card).supportedInterfaces[0]?.url).to.equal('https://agent.example/a2a');
    }
    expect(isLegacyAgentCard(v03Card(INPUT))).to.equal(true);
    expect(isLegacyAgentCard(v1Card(INPUT))).to.equal(false);
  });
});
