import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { serve } from '../api/exchange.js';
import { main, weft, weftAt } from './weft.js';

const directory = mkdtempSync(join(tmpdir(), 'weft-cli-'));

test.after.always(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const pod = `apiVersion: v1
kind: Pod
metadata: {name: a-1, namespace: shop, labels: {app: a}}
spec: {containers: [{name: a, ports: [{containerPort: 8080}]}]}
status: {podIP: 10.1.0.1}
`;

function service(selector: string): string {
  return `apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec:
  clusterIP: 10.96.0.1
  selector: {app: ${selector}}
  ports: [{port: 80, targetPort: 8080}]
`;
}

test('validate: nothing wrong is 0 and quiet on stdout', async (t) => {
  const path = file('right.yaml', `${pod}---\n${service('a')}`);
  t.deepEqual(await weft(['validate', path]), { code: 0, stdout: '', stderr: '2 objects, 0 errors, 0 warnings\n' });
});

test('validate: a dangling reference is a warning and 0', async (t) => {
  const path = file('dangling.yaml', service('b'));
  const { code, stdout, stderr } = await weft(['validate', path]);
  t.is(code, 0);
  t.regex(stdout, /^\S+dangling\.yaml:6:3 WARNING \[WEFT0403\] Service shop\/a spec\.selector: .*\n$/);
  t.is(stderr, '1 object, 0 errors, 1 warning\n');
});

test('validate: an error is 65, with its place', async (t) => {
  const path = file('wrong.yaml', service('a').replace('port: 80', 'port: -80'));
  const { code, stdout, stderr } = await weft(['validate', path, file('pod.yaml', pod)]);
  t.is(code, 65);
  t.regex(stdout, /wrong\.yaml:7:\d+ ERROR \[WEFT0207\] Service shop\/a spec\.ports\[0\]\.port: /);
  t.regex(stderr, /^weft: \d objects?, 1 error, /);
});

test('validate: what cannot be read is 65, with its place', async (t) => {
  const syntax = await weft(['validate', file('syntax.yaml', 'a: [')]);
  t.is(syntax.code, 65);
  t.regex(syntax.stdout, /syntax\.yaml:\d+:\d+ ERROR \[WEFT0101\] /);
  const missing = await weft(['validate', '/nowhere/at-all.yaml']);
  t.is(missing.code, 65);
  t.regex(missing.stdout, /^\/nowhere\/at-all\.yaml:\d+:\d+ ERROR \[WEFT\d{4}\] /);
});

test('validate: -o json holds the same problems', async (t) => {
  const { code, stdout } = await weft(['validate', '-o', 'json', file('json.yaml', service('b'))]);
  t.is(code, 0);
  const { objects, problems } = JSON.parse(stdout);
  t.is(objects, 1);
  t.is(problems[0].code, 'WEFT0403');
});

test('validate needs no addon, no server and no root', (t) => {
  const refuse = `export async function resolve(name, context, next) {
    if (/^(fastify|prom-client|pino|node:http)/.test(name)) throw new Error('loads ' + name);
    return next(name, context);
  }`;
  const watch = file(
    'watch.mjs',
    `import { register } from 'node:module';
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(refuse)}`)});
    process.on('exit', () => {
      if (process.report.getReport().sharedObjects.some((path) => path.endsWith('weft.node'))) process.exitCode = 9;
    });`,
  );
  const argv = ['--import', watch, main, 'validate', file('plain.yaml', pod)];
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  t.is(status, 0, stderr);
});

test('usage errors are 64 and say why', async (t) => {
  const cases: readonly (readonly [RegExp, ...string[]])[] = [
    [/Usage: weft/],
    [/unknown command 'fly'/, 'fly'],
    [/unknown option '--fast'/, 'status', '--fast'],
    [/missing required argument/, 'validate'],
    [/Allowed choices are services/, 'get', 'things'],
    [/Allowed choices are table/, 'status', '-o', 'xml'],
    [/--manifests DIR or --kubernetes is missing/, 'run'],
    [/not in a Pod .* name a file with --kubeconfig/, 'run', '--kubernetes'],
    [/--api must be a Unix socket or loopback/, 'run', '--manifests', '/tmp', '--api', '0.0.0.0:1'],
    [/needs --api-token-file/, 'run', '--manifests', '/tmp', '--api', '127.0.0.1:1'],
    [/--capacity names no table: x/, 'run', '--manifests', '/tmp', '--capacity', 'x=1'],
  ];
  for (const [words, ...args] of cases) {
    const { code, stdout, stderr } = await weft(args);
    t.is(code, 64, args.join(' '));
    t.is(stdout, '', args.join(' '));
    t.regex(stderr, words);
  }
});

test('help and version are 0, on stdout', async (t) => {
  const help = await weft(['--help']);
  t.is(help.code, 0);
  for (const command of ['run', 'demo', 'doctor', 'status', 'get', 'explain', 'flows', 'top', 'validate', 'diff'])
    t.regex(help.stdout, new RegExp(`^  ${command} `, 'm'));
  t.regex((await weft(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
  t.is((await weft(['get', '--help'])).code, 0);
});

test('run: mistakes of the file are 65, with their places', async (t) => {
  const path = file('config.yaml', 'manifests: /tmp\nmainfests: /tmp\nworkers: many\n');
  const { code, stdout } = await weft(['run', '--config', path]);
  t.is(code, 65);
  t.is(
    stdout,
    `${path}:2:1 ERROR [WEFT0302] mainfests there is no such option\n${path}:3:1 ERROR [WEFT0206] workers must be a whole number from 0 to 1024\n`,
  );
  t.is((await weft(['run', '--config', '/nowhere.yaml'])).code, 65);
});

test('doctor names each check, and fails when one does', async (t) => {
  const { code, stdout } = await weft(['doctor', '-o', 'json', '--pin', join(directory, 'pin')]);
  const { checks } = JSON.parse(stdout) as { checks: { check: string; state: string; fix: string }[] };
  t.is(code, checks.some((check) => check.state === 'failed') ? 1 : 0);
  const names = checks.map((check) => check.check);
  for (const name of [
    'kernel',
    'CAP_SYS_ADMIN',
    'CAP_NET_ADMIN',
    'CAP_SYS_ADMIN',
    'addon',
    'cgroup2',
    'bpffs',
    'pins',
    'api',
    'metrics',
  ])
    t.true(names.includes(name), name);
  t.true(checks.every((check) => (check.state === 'ok') === (check.fix === '')));
});

test('completion for bash completes commands, options, kinds and the agent’s objects', async (t) => {
  const served = await serve();
  const { stdout } = await weft(['completion', 'bash']);
  const script = file('completion.bash', stdout);
  const complete = async (...words: readonly string[]): Promise<readonly string[]> => {
    const { stdout: names } = await weftAt(served, ['__names', 'services']);
    const code = `
      weft() { printf '%s' "$NAMES"; }
      . ${script}
      COMP_WORDS=(weft ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}
      _weft; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const output = execFileSync('bash', ['-c', code], { encoding: 'utf8', env: { ...process.env, NAMES: names } });
    return output.trim().split('\n');
  };
  t.deepEqual(await complete('va'), ['validate']);
  t.deepEqual(await complete('get', 'ser'), ['services']);
  t.deepEqual(await complete('explain', '--fr'), ['--from']);
  t.deepEqual(await complete('get', 'services', 'shop/u'), ['shop/user-service']);
  t.deepEqual(await complete('weight', 'shop/o'), ['shop/order-service']);
  await served.stop();
});

test('completion for zsh and fish is valid where those shells are', async (t) => {
  for (const shell of ['zsh', 'fish']) {
    const { code, stdout } = await weft(['completion', shell]);
    t.is(code, 0);
    for (const command of ['validate', 'explain', 'undrain']) t.true(stdout.includes(command));
    const checked = spawnSync(shell, ['-n', file(`completion.${shell}`, stdout)], { encoding: 'utf8' });
    if (checked.error) t.log(`${shell} is not installed`);
    else t.is(checked.status, 0, checked.stderr);
  }
  t.is((await weft(['completion', 'tcsh'])).code, 64);
});
