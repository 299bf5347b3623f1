import { expect } from 'chai';
import {
  type AboutSources,
  type AgentAbout,
  chooseAbout,
  DEMO_AGENT,
  SOME_AGENT,
} from '../../server/build-about.ts';
import { ConfigError } from '../../server/config.ts';

const skill = { id: 'a', name: 'A', description: 'Does a', tags: ['x'] };
const execute = (): Promise<void> => Promise.resolve();

describe('what is said of an agent', () => {
  let warned: unknown[] = [];
  beforeEach(() => {
    warned = [];
  });
  const choose = (sources: Partial<AboutSources>): AgentAbout =>
    chooseAbout({ agent: undefined, program: undefined, file: undefined, ...sources }, (event, fields) => {
      warned.push([event, fields?.['problems']]);
    });

  it('is the built-in text, when nobody says anything', () => {
    expect(choose({})).to.deep.equal(DEMO_AGENT);
    expect(choose({ agent: { execute } })).to.deep.equal(SOME_AGENT);
  });

  it('is taken member by member from the file, else the program, else the agent', () => {
    const card = { name: 'Own', description: 'Own', version: '1', skills: [skill], iconUrl: 'https://x/own' };
    const program = { name: 'Program', description: 'Program', skills: [{ ...skill, id: 'p' }] };
    expect(choose({ agent: { execute, card }, program, file: { name: 'File' } })).to.deep.equal({
      name: 'File',
      description: 'Program',
      version: '1',
      skills: [{ ...skill, id: 'p' }],
      iconUrl: 'https://x/own',
    });
    expect(choose({ agent: { execute, card } })).to.deep.equal(card);
    expect(choose({ file: { name: 'File' } })).to.deep.equal({ ...DEMO_AGENT, name: 'File' });
    expect(warned).to.deep.equal([]);
  });

  it('leaves of a whole card of an SDK what an agent has to say, and passes the rest over', () => {
    const card = {
      name: 'Own',
      description: 'Own',
      version: '',
      url: 'https://elsewhere/',
      protocolVersion: '0.3.0',
      provider: undefined,
      iconUrl: '',
      capabilities: { streaming: false, extensions: [] },
      securitySchemes: {},
      skills: [{ ...skill, examples: [], inputModes: [], security: [] }],
      defaultInputModes: ['text/plain'],
      defaultOutputModes: [],
      signatures: [],
    };
    expect(choose({ agent: { execute, card } })).to.deep.equal({
      name: 'Own',
      description: 'Own',
      skills: [skill],
      defaultInputModes: ['text/plain'],
    });
  });

  it('runs an agent whose card is not usable under the built-in texts, with a warning', () => {
    const card = { name: 'Own', skills: [{ id: 'a' }], iconUrl: 'no URL' };
    expect(choose({ agent: { execute, card } })).to.deep.equal(SOME_AGENT);
    expect(warned).to.deep.equal([
      [
        'agent_card_ignored',
        [
          'iconUrl must be an http or https URL',
          'skills[0].name is required',
          'skills[0].description is required',
          'skills[0].tags is required',
        ],
      ],
    ]);
  });

  it('leaves alone what an agent calls card and is none', () => {
    for (const card of ['ace of spades', null, undefined, 7, [], { suit: 'hearts' }, { name: 7 }])
      expect(choose({ agent: { execute, card } })).to.deep.equal(SOME_AGENT);
    expect(warned).to.deep.equal([]);
  });

  it('is refused when the program that runs the server says it wrongly', () => {
    const program = { name: 'Program', description: 'x', skills: [{ ...skill, inputModes: ['text'] }] };
    expect(() => choose({ program })).to.throw(
      ConfigError,
      'about: skills[0].inputModes[0] must be a media type',
    );
  });
});
