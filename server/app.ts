import { once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { EpochMs } from '../protocol/units.ts';
import type { AgentExecutor, ForeignExecutor } from './agents/agent-executor.ts';
import { type AgentFormat, chooseFormat } from './agents/agent-format.ts';
import { type Backend, type BackendContext, StartError, type StopReport } from './backend.ts';
import { buildBackend } from './build-backend.ts';
import { findTracing } from './build-tracing.ts';
import { createDemoAgent } from './agents/demo-agent.ts';
import { type AgentAbout, chooseAbout } from './build-about.ts';
import { AgentCards } from './build-card.ts';
import { isAnyAddress, toHttpOptions, toLoopback, whyNotListening } from './build-listening.ts';
import { type Admission, buildAdmission, readAtStart } from './build-principals.ts';
import { readSigningKey } from './config-files.ts';
import type { Config } from './config.ts';
import { createCardRoute } from './http/card-route.ts';
import { createErasureRoute } from './http/erasure-route.ts';
import type { Readiness } from './http/health.ts';
import { createHttpServer } from './http/http-server.ts';
import { Cors } from './http/request-guards.ts';
import { createRoutes, RPC_PATHS } from './http/routes.ts';
import { createRpcEndpoint } from './http/rpc-endpoint.ts';
import type { Log } from './observability/log-events.ts';
import { createLogger, type LogDestination, NOWHERE } from './observability/logger.ts';
import { createMetrics, type Metrics } from './observability/metrics.ts';
import { RpcServer } from './rpc/rpc-server.ts';
import { showSpace } from './security/space.ts';
import { CardSigner } from './security/card-signer.ts';
import type { SessionStore } from './sessions/session-store.ts';

/** What may be handed in instead of being built from the configuration. */
export interface ServerParts {
  /** Absent: the demo agent. What A2A_AGENT names is loaded with `loadAgent` first. */
  readonly agent?: AgentExecutor | ForeignExecutor;
  /** How the agent reads messages and tasks. Absent: A2A_AGENT_FORMAT, else what it says of itself, else JSON. */
  readonly agentFormat?: AgentFormat;
  /** What the agent card says of it, unless A2A_CARD_FILE says otherwise. */
  readonly about?: AgentAbout;
  readonly store?: SessionStore;
  readonly buildBackend?: (context: BackendContext) => Backend | Promise<Backend>;
  /** Where log lines go; absent: nowhere. */
  readonly logDestination?: LogDestination;
  readonly now?: () => EpochMs;
  /** Of this process, to be told to a second one that finds the data folder locked. Default 0. */
  readonly pid?: number;
  /** Of several processes that share the port, which this is: on its log lines and in /readyz. Absent: it is alone. */
  readonly worker?: number;
  /** What /metrics answers. Absent: the metrics of this server. */
  readonly metricsText?: () => Promise<string>;
}

export interface ServerAddress {
  readonly host: string;
  /** The real one, also when 0 was asked for. */
  readonly port: number;
  /** URL of the endpoint. */
  readonly url: string;
}

/** What the end of the drain time ends, such as tasks and their streams, may still be stored and told to its clients. */
const LAST_WORDS_MS = 1_250;

/** How often connections that became idle are closed while the server drains. */
const IDLE_SWEEP_MS = 50;

/** One server: everything built from a configuration, and its life. */
export class HoldfastServer {
  readonly log: Log;
  readonly metrics: Metrics;
  readonly backend: Backend;
  readonly #config: Config;
  readonly #now: () => EpochMs;
  readonly #cards: AgentCards;
  readonly #admission: Admission;
  readonly #http: Server;
  readonly #worker: number | undefined;
  readonly #pid: number;
  #address: ServerAddress | undefined;
  #draining = false;
  #stopped: Promise<StopReport> | undefined;

  private constructor(context: BackendContext, face: Face, backend: Backend, parts: ServerParts) {
    this.#config = context.config;
    this.#now = context.now;
    this.log = context.log;
    this.metrics = context.metrics;
    this.#admission = face.admission;
    this.#cards = new AgentCards({ ...face, schemes: face.admission.schemes, url: () => this.#cardUrl() });
    this.backend = backend;
    this.#worker = parts.worker;
    this.#pid = context.pid;
    this.#http = createHttpServer(
      this.#listener(context, parts.metricsText ?? (() => this.metrics.registry.metrics())),
      toHttpOptions(context),
    );
  }

  /**
   * @throws {ConfigError} when a file that is named is no longer usable, or `about` is not
   * @throws {StartError} when an agent is configured and not handed in, or the data folder is locked or unusable
   */
  static async create(config: Config, parts: ServerParts): Promise<HoldfastServer> {
    if (config.agent !== undefined && parts.agent === undefined) {
      throw new StartError(`load ${config.agent} with loadAgent and hand it in as agent`);
    }
    const now = parts.now ?? Date.now;
    const destination = parts.logDestination ?? NOWHERE;
    const bindings = parts.worker === undefined ? undefined : { worker: parts.worker };
    const tracing = findTracing();
    const lines = { level: config.logLevel, destination, now, show: showSpace, fields: tracing?.logFields };
    const log = createLogger({ ...lines, ...(bindings && { bindings }) });
    // With whatever types an executor comes, its context is in the form that is chosen for it.
    const agent = (parts.agent ?? createDemoAgent(now)) as AgentExecutor;
    const format = parts.agentFormat ?? (config.agentFormat === 'auto' ? undefined : config.agentFormat);
    if (format !== undefined) chooseFormat(agent, format);
    const context: BackendContext = {
      config,
      agent,
      ...(parts.store !== undefined && { store: parts.store }),
      log,
      metrics: createMetrics(),
      ...(tracing && { tracing }),
      now,
      pid: parts.pid ?? 0,
    };
    try {
      const face = await buildFace(context, parts);
      const backend = await (parts.buildBackend ?? buildBackend)(context);
      return new HoldfastServer(context, face, backend, parts);
    } catch (error) {
      log('server_start_failed', {}, error);
      throw error;
    }
  }

  /** Undefined while the server does not listen. */
  get address(): ServerAddress | undefined {
    return this.#address;
  }

  get readiness(): Readiness {
    const worker = this.#worker;
    return {
      ...this.backend.readiness(),
      draining: this.#draining,
      ...(worker !== undefined && { worker }),
    };
  }

  /** @throws {StartError} */
  async listen(): Promise<ServerAddress> {
    try {
      this.#admission.rates?.start();
      await this.backend.start();
      this.#address = await this.#bind();
    } catch (error) {
      this.log('server_start_failed', {}, error);
      await this.#admission.close();
      await this.backend.close();
      throw error;
    }
    const { storeKind: store, storeLocation: location } = this.backend;
    const told = { ...this.#address, store, location };
    if (this.#worker === undefined) this.log('server_listening', told);
    else this.log('worker_listening', { ...told, pid: this.#pid });
    const { host, publicUrl } = this.#config;
    if (publicUrl === undefined && isAnyAddress(host)) this.log('card_url_unreachable', { host });
    return this.#address;
  }

  async #bind(): Promise<ServerAddress> {
    const { host, port } = this.#config;
    try {
      this.#http.listen(port, host);
      await once(this.#http, 'listening');
    } catch (cause) {
      throw new StartError(whyNotListening(cause, host, port), { cause });
    }
    const { port: realPort } = this.#http.address() as AddressInfo;
    return { host, port: realPort, url: `http://${host.includes(':') ? `[${host}]` : host}:${realPort}/a2a` };
  }

  /** Stops accepting, finishes what runs, stores what waits. Idempotent; never takes much longer than the drain time. */
  close(): Promise<StopReport> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<StopReport> {
    this.#draining = true;
    const { drainMs } = this.#config;
    this.log('server_draining', { drainMs });
    const closed = this.#http.listening ? once(this.#http, 'close') : Promise.resolve();
    this.#http.close();
    const sweep = setInterval(() => {
      this.#http.closeIdleConnections();
    }, IDLE_SWEEP_MS);
    const cut = setTimeout(() => {
      this.#http.closeAllConnections();
    }, drainMs + LAST_WORDS_MS);
    await Promise.all([closed, this.backend.drain(this.#now() + drainMs)]);
    clearTimeout(cut);
    clearInterval(sweep);
    await this.backend.close();
    await this.#admission.close();
    const pendingRecords = this.backend.readiness().pending.records;
    const keptIn = pendingRecords === 0 ? undefined : this.backend.keptIn?.();
    const report: StopReport = { pendingRecords, ...(keptIn !== undefined && { keptIn }) };
    this.log('server_stopped', { ...report });
    this.#address = undefined;
    return report;
  }

  #listener({ tracing }: BackendContext, metricsText: () => Promise<string>): RequestListener {
    const { log, metrics } = this;
    const { operations } = this.backend;
    const { bodyMaxBytes, corsOrigins, lenientVersion, bounds, metricsTenants } = this.#config;
    const { streamsPerPrincipal } = bounds;
    const { resolvePrincipal, admitOperator, admitAdmin, isHostAllowed, audit } = this.#admission;
    const doors = { cors: new Cors(corsOrigins), isHostAllowed };
    const rpcEndpoint = createRpcEndpoint({
      ...doors,
      rpc: new RpcServer({
        operations,
        ...this.#cards.offer,
        lenientVersion,
        streamsPerPrincipal,
        metricsTenants,
        onDenied: audit.onDenied,
        log,
        metrics,
      }),
      bodyMaxBytes,
      resolvePrincipal,
      tracing,
      isDraining: () => this.#draining,
      wasLateSince: (since) => this.backend.wasLateSince?.(since) ?? false,
      sse: { heartbeatMs: this.#config.sseHeartbeatMs, stallMs: this.#config.sseStallMs },
    });
    const card = createCardRoute((variant) => this.#cards.publicCard(variant), this.#config.card);
    const routes = createRoutes({
      ...doors,
      rpcEndpoint,
      card,
      admitOperator,
      erasures: createErasureRoute({ admitAdmin, erase: this.backend.erase, ...audit }),
      readiness: () => this.readiness,
      metrics: { contentType: metrics.registry.contentType, text: metricsText },
      log,
    });
    const direct = new Set(RPC_PATHS.flatMap((path) => [path, `${path}/`]));
    // Express alone costs more than the rest of the hot path together, so POST passes it by: same function, same checks.
    return (req, res) => {
      if (req.method === 'POST' && direct.has(pathOf(req.url))) rpcEndpoint(req, res);
      else routes(req, res);
    };
  }

  /** Never from the Host header, which a client chooses. */
  #cardUrl(): string {
    const { host, publicUrl } = this.#config;
    const bound = this.#address?.url ?? '';
    return publicUrl ?? (isAnyAddress(host) ? toLoopback(bound) : bound);
  }
}

/** What the server shows of itself and whom it lets in. */
interface Face {
  readonly about: AgentAbout;
  readonly admission: Admission;
  readonly signer?: CardSigner;
}

/** @throws {ConfigError} */
async function buildFace({ config, log, now, metrics }: BackendContext, parts: ServerParts): Promise<Face> {
  const { cardText: file, cardSigningKeyFile: keyFile } = config;
  const key = keyFile && readAtStart('A2A_CARD_SIGNING_KEY_FILE', () => readSigningKey(keyFile));
  const about = chooseAbout({ agent: parts.agent, program: parts.about, file }, log);
  const cardRoles = about.extended?.roles ?? [];
  const destination = parts.logDestination ?? NOWHERE;
  return {
    about,
    admission: await buildAdmission({ config, cardRoles, now, log, metrics, destination }),
    ...(key && { signer: await CardSigner.create(key) }),
  };
}

/** The server as the configuration says it, not yet listening. @throws {StartError} */
export function createServer(config: Config, parts: ServerParts = {}): Promise<HoldfastServer> {
  return HoldfastServer.create(config, parts);
}

function pathOf(url = ''): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
