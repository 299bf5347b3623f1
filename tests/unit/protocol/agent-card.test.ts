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
