import test from 'ava';
import { type Options, resolveConfig, type Surroundings, showMistake } from '../../agent/config.js';

const around: Surroundings = {
  hostname: 'here',
  processors: 4,
  directory: '/home',
  cgroup: '/sys/fs/cgroup',
  group: (name) => (name === 'mesh' ? 77 : undefined),
};

function mistakesOf(flags: Options, text?: string): readonly string[] {
  const file = text === undefined ? undefined : { name: 'c.yaml', text };
  return resolveConfig(flags, file, around).mistakes.map(showMistake);
}

test('defaults are those of the documentation', (t) => {
  const { config, mistakes } = resolveConfig({ manifests: ['m', '/n'] }, undefined, around);
  t.deepEqual(mistakes, []);
  t.deepEqual(config, {
    manifests: ['/home/m', '/n'],
    kubernetes: undefined,
    proc: '/proc',
    node: 'here',
    cgroup: '/sys/fs/cgroup',
    pin: '/sys/fs/bpf/weft',
    api: { type: 'unix', path: '/run/weft/api.sock' },
    apiTokenFile: '',
    apiGroup: undefined,
    metrics: { type: 'tcp', host: '127.0.0.1', port: 15090 },
    gatewayLabels: { istio: 'ingressgateway' },
    workers: 4,
    acceleration: 'auto',
    accessLog: false,
    logLevel: 'info',
    capacities: new Map(),
  });
});

test('flags win over the file, the file over the defaults', (t) => {
  const text = `
manifests: [a, b]
node: of-file
workers: 2
log-level: debug
gateway-labels: {istio: east, tier: 1}
capacity: {frontends: 10}
api-group: mesh
kubernetes: false
`;
  const flags = { node: 'of-flag', capacity: ['slots=20', 'edges=30'], metrics: '0.0.0.0:0' };
  const { config } = resolveConfig(flags, { name: 'c.yaml', text }, around);
  t.deepEqual(config?.manifests, ['/home/a', '/home/b']);
  t.is(config?.node, 'of-flag');
  t.is(config?.workers, 2);
  t.is(config?.logLevel, 'debug');
  t.is(config?.apiGroup, 77);
  t.deepEqual(config?.gatewayLabels, { istio: 'east', tier: '1' });
  t.deepEqual(
    config?.capacities,
    new Map([
      ['slots', 20],
      ['edges', 30],
    ]) as never,
  );
  t.deepEqual(config?.metrics, { type: 'tcp', host: '0.0.0.0', port: 0 });
});

test('gateway labels on the command line', (t) => {
  const { config } = resolveConfig({ manifests: 'm', 'gateway-labels': 'a=b,c=d=e' }, undefined, around);
  t.deepEqual(config?.gatewayLabels, { a: 'b', c: 'd=e' });
});

test('an API server is a source by itself, or beside directories', (t) => {
  const kubernetesOf = (flags: Options) => resolveConfig(flags, undefined, around).config?.kubernetes;
  t.deepEqual(kubernetesOf({ kubernetes: true }), { kubeconfig: undefined, namespace: undefined });
  t.deepEqual(kubernetesOf({ kubeconfig: 'k', namespace: 'mesh' }), { kubeconfig: '/home/k', namespace: 'mesh' });
  t.deepEqual(kubernetesOf({ kubernetes: true, manifests: ['m'] }), { kubeconfig: undefined, namespace: undefined });
  t.is(kubernetesOf({ manifests: ['m'] }), undefined);
  t.deepEqual(mistakesOf({ kubernetes: false, kubeconfig: 'k', manifests: ['m'] }), [
    '--kubeconfig is of use with --kubernetes only',
  ]);
});

test('mistakes of flags name the flag', (t) => {
  t.deepEqual(mistakesOf({}), ['where is the mesh described? --manifests DIR or --kubernetes is missing']);
  t.deepEqual(mistakesOf({ manifests: ['m'], acceleration: 'full' }), ['--acceleration must be one of auto, off']);
  t.deepEqual(mistakesOf({ manifests: ['m'], workers: '1025' }), ['--workers must be a whole number from 0 to 1024']);
  t.deepEqual(mistakesOf({ manifests: ['m'], 'api-group': 'nobodies' }), [
    '--api-group names no group of this machine: nobodies',
  ]);
  t.deepEqual(mistakesOf({ manifests: ['m'], capacity: ['slots'] }), ['--capacity must be written NAME=VALUE']);
  t.deepEqual(mistakesOf({ manifests: ['m'], capacity: ['slots=0'] }), [
    '--capacity slots must be a whole number from 1 to 134217728',
  ]);
  t.deepEqual(mistakesOf({ manifests: ['m'], metrics: 'unix:/x' }), ['--metrics must be HOST:PORT']);
  t.deepEqual(mistakesOf({ manifests: ['m'], node: '' }), ['--node must be a text that is not empty']);
});

test('mistakes of the file name their places', (t) => {
  t.deepEqual(mistakesOf({}, 'manifests: m\n\nworkres: 1\nworkers: -1\n'), [
    'c.yaml:3:1 ERROR [WEFT0302] workres there is no such option',
    'c.yaml:4:1 ERROR [WEFT0206] workers must be a whole number from 0 to 1024',
  ]);
  t.deepEqual(mistakesOf({ manifests: ['m'] }, '- a\n'), ['c.yaml:1:1 ERROR [WEFT0201] must be a mapping of options']);
  t.regex(mistakesOf({ manifests: ['m'] }, 'a: [\n')[0]!, /^c\.yaml:\d+:\d+ ERROR \[WEFT0101\] /);
  t.deepEqual(mistakesOf({ manifests: ['m'] }, ''), []);
});

test('an alias bomb in the file is a mistake, not a crash', (t) => {
  const bomb = [
    'a: &a [x, x, x, x, x, x, x, x, x]',
    ...'bcdefgh'.split('').map((name, index) => {
      const before = 'abcdefg'[index];
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]`;
    }),
  ].join('\n');
  t.regex(mistakesOf({ manifests: ['m'] }, bomb)[0]!, /^c\.yaml:1:1 ERROR \[WEFT0104\] /);
});

test('without cgroup2 there must be --cgroup', (t) => {
  const { config, mistakes } = resolveConfig({ manifests: ['m'] }, undefined, { ...around, cgroup: undefined });
  t.is(config, undefined);
  t.regex(showMistake(mistakes[0]!), /cgroup2 is not mounted/);
  const named = resolveConfig({ manifests: ['m'], cgroup: '/c' }, undefined, { ...around, cgroup: undefined });
  t.is(named.config?.cgroup, '/c');
});
