import { createServer, type HoldfastServer } from '../../../server/app.ts';
import { parseConfig } from '../../../server/config.ts';
import { LogLines } from '../../helpers/log-lines.ts';
import { useReceiver, type Receiver } from './receiver.ts';

/** Call it in a `describe`: for each test a server in this process, and a receiver that its webhooks may be at. */
export function useServerAndReceiver(): { readonly url: string; readonly receiver: Receiver } {
  const receiver = useReceiver();
  let server: HoldfastServer | undefined;
  let url = '';
  beforeEach(async () => {
    const env = {
      PORT: '0',
      A2A_STORE: 'memory',
      A2A_DRAIN_SECONDS: '1',
      A2A_PUSH_ALLOW: receiver.it.origin,
    };
    server = await createServer(parseConfig(env), { logDestination: new LogLines() });
    ({ url } = await server.listen());
  });
  afterEach(async () => {
    await server?.close();
  });
  return {
    get url() {
      return url;
    },
    get receiver() {
      return receiver.it;
    },
  };
}
