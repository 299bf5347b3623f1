/** The clients of the official SDK, as they are, from the URL of an agent card on. */
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
} from '@a2a-js/sdk/client';

export interface SdkGeneration {
  readonly title: string;
  readonly version: string;
  /** What the server has to be like for it. */
  readonly env: Record<string, string>;
  /** @param origin where the card is @param fetchImpl adds credentials, where some are wanted */
  readonly connect: (origin: string, fetchImpl?: typeof fetch) => Promise<Client>;
}

function factory(legacy: boolean, fetchImpl: typeof fetch = fetch): ClientFactory {
  const options = { fetchImpl, ...(legacy && { legacyCompat: { enabled: true } }) };
  return new ClientFactory({
    // its options are declared as a class that is not exported
    transports: [Reflect.construct(JsonRpcTransportFactory, [options as unknown]) as JsonRpcTransportFactory],
    cardResolver: new DefaultAgentCardResolver(options),
  });
}

export const SDK_GENERATIONS: readonly SdkGeneration[] = [
  {
    title: 'in 1.0',
    version: '1.0',
    env: {},
    connect: (origin, fetchImpl) => factory(false, fetchImpl).createFromUrl(origin),
  },
  {
    title: 'in 0.3, which it meets in a card of 0.3',
    version: '0.3',
    env: { A2A_CARD: 'v03' },
    connect: (origin, fetchImpl) => factory(true, fetchImpl).createFromUrl(origin),
  },
];
