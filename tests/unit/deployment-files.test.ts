/** Holds the files that the server is operated with to the code: names, values, ports, routes, metrics and times. */
import { expect } from 'chai';
import { CORE_SCHEMA, load, mergeTag } from 'js-yaml';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { parseDockerfile, lastOf } from '../../scripts/runbook/dockerfile.ts';
import { VARIABLES } from '../../server/config-variables.ts';
import { ConfigError, parseConfig } from '../../server/config.ts';
import { METRICS } from '../../server/observability/metrics.ts';
import { packageVersion } from '../../server/package-info.ts';
import { useServer } from '../helpers/server.ts';

type Files = Readonly<Record<string, string>>;

const KUBERNETES = 'docs/operations/kubernetes';
const PATHS = {
  docker: 'Dockerfile',
  compose: 'compose.yaml',
  unit: 'docs/operations/systemd/holdfast.service',
  unitEnv: 'docs/operations/systemd/holdfast.env',
  nginx: 'docs/operations/nginx/holdfast.conf',
  deployment: `${KUBERNETES}/deployment.yaml`,
  service: `${KUBERNETES}/service.yaml`,
  autoscaler: `${KUBERNETES}/autoscaler.yaml`,
  network: `${KUBERNETES}/network-policy.yaml`,
  kustomization: `${KUBERNETES}/kustomization.yaml`,
} as const;
type Name = keyof typeof PATHS;

/** Of Node.js itself. */
const FOREIGN = new Set(['NODE_ENV']);

const all = (text: string, form: RegExp): string[] => [...text.matchAll(form)].map(([, found = '']) => found);
const one = (text: string, form: RegExp): string => all(text, form)[0] ?? '';
const secondsOf = (variable: keyof typeof VARIABLES): number => Number(VARIABLES[variable].default);

/** File -> the variables that it sets. What is in a Secret has a value of its kind in place. */
function environmentsIn(files: Files): Record<string, Record<string, string>> {
  const pairs = (text = '', form: RegExp): Record<string, string> =>
    Object.fromEntries([...text.matchAll(form)].map(([, name = '', value = '']) => [name, value]));
  const image = parseDockerfile(files['docker'] ?? '').at(-1);
  const kubernetes = pairs(
    files['deployment'],
    /- name: ([A-Z][A-Z0-9_]+)\n\s+value(?:: '?(.*?)'?|From:\n\s+secretKeyRef: .*)$/gm,
  );
  return {
    docker: pairs(image && lastOf(image, 'ENV')?.text, /([A-Z][A-Z0-9_]+)=(\S*)/g),
    compose: pairs(files['compose'], /^ {4,}([A-Z][A-Z0-9_]+): '?(.*?)'?$/gm),
    unit: {
      ...pairs(files['unit'], /^Environment=([A-Z][A-Z0-9_]+)=(.*)$/gm),
      ...pairs(files['unitEnv'], /^([A-Z][A-Z0-9_]+)=(.*)$/gm),
    },
    deployment: { ...kubernetes, REDIS_URL: kubernetes['REDIS_URL'] === '' ? 'redis://redis:6379/0' : '' },
  };
}

/** Names that nobody reads, and values that would end the start. Files that are named are not here. */
function environmentFaults(files: Files): string[] {
  return Object.entries(environmentsIn(files)).flatMap(([name, env]) => {
    const unknown = Object.keys(env).filter((key) => !Object.hasOwn(VARIABLES, key) && !FOREIGN.has(key));
    const values = Object.entries(env).filter(([key]) => !key.endsWith('_FILE') && !unknown.includes(key));
    try {
      parseConfig(Object.fromEntries(values));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.problems.map((problem) => `${name}: ${problem}`);
    }
    return unknown.map((key) => `${name}: ${key} does not exist`);
  });
}

/** Every place that a port of the server is named in. */
function portFaults(files: Files): string[] {
  const port = VARIABLES.PORT.default;
  const named = {
    docker: all(files['docker'] ?? '', /(?:EXPOSE |PORT=)(\d+)/g),
    compose: all(files['compose'] ?? '', /(?::|localhost:|127\.0\.0\.1:)(41\d{3})\b/g),
    nginx: all(files['nginx'] ?? '', /server holdfast-\d:(\d+)/g),
    deployment: all(files['deployment'] ?? '', /containerPort: (\d+)/g),
    network: all(files['network'] ?? '', /ingress:[^]*?port: (\d+)/g),
  };
  return Object.entries(named).flatMap(([name, ports]) => {
    if (ports.length === 0) return [`${name} names no port`];
    return ports.filter((each) => each !== port).map((each) => `${name}: ${each} should be ${port}`);
  });
}

/** Routes that somebody else asks for. */
const routesIn = (files: Files): string[] => [
  ...all(files['docker'] ?? '', /PORT\}(\/\w+)`/g),
  ...all(files['compose'] ?? '', /41241(\/\w+)'\)/g),
  ...all(files['deployment'] ?? '', /httpGet: \{ path: (\/\w+), port: http \}/g),
];

/** An autoscaler compares averages: a counter, which only grows, would be none. */
function metricFaults(files: Files): string[] {
  const gauges: readonly string[] = Object.values(METRICS).flatMap(({ type, name }) =>
    type === 'gauge' ? [name] : [],
  );
  const named = all(files['autoscaler'] ?? '', /metric: \{ name: (\w+) \}/g);
  return named.length === 0 ? ['no metric'] : named.filter((name) => !gauges.includes(name));
}

/** What has to be longer than something else. */
function timeFaults(files: Files): string[] {
  const number = (name: Name, form: RegExp): number => Number(one(files[name] ?? '', form));
  /** For the last words to clients. */
  const margin = 2;
  const drain = secondsOf('A2A_DRAIN_SECONDS');
  const ownDrain = Number(environmentsIn(files)['deployment']?.['A2A_DRAIN_SECONDS']);
  const grace = number('deployment', /terminationGracePeriodSeconds: (\d+)/g);
  const sleep = number('deployment', /command: \[sleep, '(\d+)'\]/g);
  const readTimeout = number('nginx', /proxy_read_timeout (\d+)s;/g);
  const rules: Record<string, boolean> = {
    'compose waits for the drain': number('compose', /stop_grace_period: (\d+)s/g) >= drain + margin,
    'systemd waits for the drain': number('unit', /^TimeoutStopSec=(\d+)$/gm) >= drain + margin,
    'kubernetes waits for the drain': grace >= sleep + ownDrain + margin && sleep > 0,
    'nginx closes connections first':
      number('nginx', /keepalive_timeout (\d+)s;/g) < secondsOf('A2A_KEEP_ALIVE_SECONDS'),
    'nginx waits for a heartbeat': readTimeout > 2 * secondsOf('A2A_SSE_HEARTBEAT_SECONDS'),
    'nginx waits for a blocking send': readTimeout > secondsOf('A2A_BLOCKING_TIMEOUT_SECONDS'),
    'nginx lets bodies through':
      number('nginx', /client_max_body_size (\d+)m;/g) * 1_048_576 === secondsOf('A2A_MAX_BODY_BYTES'),
    'systemd lets files open': number('unit', /^LimitNOFILE=(\d+)$/gm) > secondsOf('A2A_MAX_CONNECTIONS'),
  };
  return Object.entries(rules).flatMap(([rule, isKept]) => (isKept ? [] : [rule]));
}

/** Names that stand in two files, and have to be the same. */
function pairFaults(files: Files): string[] {
  const upstream = all(files['nginx'] ?? '', /server (holdfast-\d):/g);
  const services = all(files['compose'] ?? '', /^ {2}(holdfast-\d): \*behind-nginx$/gm);
  const versions = [
    one(files['compose'] ?? '', /image: holdfast:(\S+)/g),
    one(files['kustomization'] ?? '', /newTag: (\S+)/g),
  ];
  const label = one(files['deployment'] ?? '', /matchLabels: (\{.*\})/g);
  const selector = one(files['service'] ?? '', /selector: (\{.*\})/g);
  return [
    ...(upstream.length === 3 && upstream.join() === services.join()
      ? []
      : ['nginx and compose name other servers']),
    ...versions.filter((version) => version !== packageVersion()).map((version) => `version ${version}`),
    ...(label !== '' && label === selector ? [] : ['the service selects other pods']),
  ];
}

/** Lists in which compose takes nothing but texts. A `: ` that is not quoted makes a mapping of a line. */
function composeFaults(files: Files): string[] {
  interface Service {
    readonly command?: unknown;
    readonly healthcheck?: { readonly test: unknown };
    readonly ports?: unknown;
    readonly tmpfs?: unknown;
    readonly volumes?: unknown;
  }
  const schema = CORE_SCHEMA.withTags(mergeTag);
  const { services } = load(files['compose'] ?? '', { schema }) as { services: Record<string, Service> };
  return Object.entries(services).flatMap(([service, { command, healthcheck, ports, tmpfs, volumes }]) =>
    Object.entries({ command, test: healthcheck?.test, ports, tmpfs, volumes }).flatMap(([name, list]) => {
      const isOfTexts = Array.isArray(list) && list.every((each) => typeof each === 'string');
      return list === undefined || isOfTexts ? [] : [`${service}: ${name} is no list of texts`];
    }),
  );
}

describe('the files that the server is operated with', () => {
  let files: Files = {};
  before(async () => {
    const read = Object.entries(PATHS).map(
      async ([name, path]) => [name, await readFile(path, 'utf8')] as const,
    );
    files = Object.fromEntries(await Promise.all(read));
  });
  it('set variables that exist, to values that can be', () => {
    expect(Object.values(environmentsIn(files)).map((env) => Object.keys(env).length)).to.deep.equal([
      3, 3, 7, 6,
    ]);
    expect(environmentFaults(files)).to.deep.equal([]);
  });

  it('give compose the kinds of values that it takes', () => {
    expect(composeFaults(files)).to.deep.equal([]);
    const health = one(files['compose'] ?? '', /- "(fetch.*)"$/gm);
    expect(() => new Script(health), health).to.not.throw();
    expect(health).to.include('/readyz');
  });

  it('name one port', () => {
    expect(portFaults(files)).to.deep.equal([]);
  });

  it('scale on gauges that are exported', () => {
    expect(metricFaults(files)).to.deep.equal([]);
  });

  it('wait for as long as the server may take', () => {
    expect(timeFaults(files)).to.deep.equal([]);
  });

  it('agree with one another', async () => {
    expect(pairFaults(files)).to.deep.equal([]);
    const listed = all(files['kustomization'] ?? '', /^ {2}- (\S+\.yaml)$/gm);
    const there = (await readdir(KUBERNETES)).filter((name) => name !== 'kustomization.yaml');
    expect(listed.sort()).to.deep.equal(there.sort());
    expect(join(KUBERNETES, 'kustomization.yaml')).to.equal(PATHS.kustomization);
  });

  describe('as a whole', () => {
    const server = useServer();

    it('ask for routes that answer', async () => {
      const routes = routesIn(files);
      expect(routes).to.have.lengthOf(5);
      for (const route of routes) expect((await fetch(server.origin + route)).status, route).to.equal(200);
    });
  });

  describe('are found fault with', () => {
    const planted = (name: Name, from: string | RegExp, to: string): Files => {
      const text = files[name] ?? '';
      const changed = text.replace(from, to);
      expect(changed).to.not.equal(text);
      return { ...files, [name]: changed };
    };

    it('for a variable or a value that cannot be', () => {
      const faults = (name: Name, from: string | RegExp, to: string) =>
        environmentFaults(planted(name, from, to));
      expect(faults('compose', 'A2A_PUBLIC_URL:', 'A2A_PUBLIK_URL:')).to.deep.equal([
        'compose: A2A_PUBLIK_URL does not exist',
      ]);
      expect(faults('docker', 'PORT=41241', 'PORT=high')).to.have.lengthOf(1);
      expect(faults('unitEnv', 'A2A_TRUST_PROXY_HOPS=1', 'A2A_TRUST_PROXY_HOPS=yes')).to.have.lengthOf(1);
      expect(faults('deployment', 'name: A2A_DRAIN_SECONDS', 'name: A2A_DRAIN')).to.deep.equal([
        'deployment: A2A_DRAIN does not exist',
      ]);
    });

    it('for a text that YAML takes for something else', () => {
      const faults = composeFaults(planted('compose', /"(fetch.*) : (1\).*)"/, '$1: $2'));
      expect(faults).to.deep.equal(
        ['', '-1', '-2', '-3'].map((end) => `holdfast${end}: test is no list of texts`),
      );
    });

    it('for a port, a metric or a name of their own', () => {
      expect(portFaults(planted('nginx', 'holdfast-2:41241', 'holdfast-2:8080'))).to.deep.equal([
        'nginx: 8080 should be 41241',
      ]);
      expect(portFaults(planted('deployment', 'containerPort: 41241', 'containerPort: 80'))).to.have.lengthOf(
        1,
      );
      expect(
        metricFaults(planted('autoscaler', 'holdfast_streams_open', 'holdfast_requests_total')),
      ).to.have.lengthOf(1);
      expect(pairFaults(planted('compose', 'holdfast-3: *', 'holdfast-4: *'))).to.have.lengthOf(1);
      expect(pairFaults(planted('kustomization', /newTag: .*/, 'newTag: 9.9.9'))).to.deep.equal([
        'version 9.9.9',
      ]);
    });

    it('for a time that is too short', () => {
      expect(
        timeFaults(planted('compose', 'stop_grace_period: 25s', 'stop_grace_period: 10s')),
      ).to.have.lengthOf(1);
      expect(timeFaults(planted('unit', 'TimeoutStopSec=30', 'TimeoutStopSec=5'))).to.have.lengthOf(1);
      expect(
        timeFaults(
          planted('deployment', /terminationGracePeriodSeconds: \d+/, 'terminationGracePeriodSeconds: 25'),
        ),
      ).to.have.lengthOf(1);
      expect(timeFaults(planted('nginx', 'keepalive_timeout 60s', 'keepalive_timeout 75s'))).to.have.lengthOf(
        1,
      );
      expect(
        timeFaults(planted('nginx', 'proxy_read_timeout 90s', 'proxy_read_timeout 20s')),
      ).to.have.lengthOf(2);
    });
  });
});
