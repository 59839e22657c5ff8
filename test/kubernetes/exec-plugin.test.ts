import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { ApiError } from '../../agent/kubernetes/api.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { kubeconfigCredentials } from '../../agent/kubernetes/kubeconfig.js';
import { eventually } from '../agent/site.js';
import { type Answer, ApiServer, authorityPem, certify } from './api-server.js';
import { CountingClock } from './counting-clock.js';
import { base64, KubeconfigDirectory } from './kubeconfig-file.js';

const apiVersion = 'client.authentication.k8s.io/v1';
const version = { method: 'GET', path: '/version' } as const;

const telling: Answer = ({ headers }, response) => response.end(JSON.stringify(headers.authorization));

/** A kubeconfig whose plug-in is a script, which counts its runs in the file `runs` beside it. */
async function plug(t: ExecutionContext, script: string, exec: object = {}, cluster: object = {}, answer = telling) {
  const directory = new KubeconfigDirectory(t);
  const server = await ApiServer.start(t, answer);
  directory.file('plugin', `#!/bin/sh\ncd "$(dirname "$0")"\necho run >>runs\n${script}\n`, 0o700);
  const file = directory.write({
    cluster: { server: server.url, 'certificate-authority-data': base64(authorityPem), ...cluster },
    user: { exec: { apiVersion, command: './plugin', interactiveMode: 'Never', ...exec } },
  });
  const clock = new CountingClock();
  const client = openClient(kubeconfigCredentials(file, clock), clock);
  t.teardown(() => client.close());
  const runs = () => {
    const counted = join(directory.path, 'runs');
    return existsSync(counted) ? readFileSync(counted, 'utf8').split('\n').length - 1 : 0;
  };
  return { client, clock, directory, runs, server };
}

const printing = (status: object, of = apiVersion) =>
  `cat <<'END'\n${JSON.stringify({ kind: 'ExecCredential', apiVersion: of, status })}\nEND`;

async function failureOf(t: ExecutionContext, call: Promise<unknown>): Promise<ApiError> {
  return (await t.throwsAsync(call, { instanceOf: ApiError }))!;
}

test('a plug-in is run once for many, with its arguments, environment and what it is told', async (t) => {
  const script = `printf '%s' "$KUBERNETES_EXEC_INFO" >told
printf '%s' "$1:$2:$A:$PATH" >given
${printing({ token: 'plugged' })}`;
  const exec = { args: ['b c', ''], env: [{ name: 'A', value: 'd' }], provideClusterInfo: true };
  const extension = { name: 'client.authentication.k8s.io/exec', extension: { audience: 'e' } };
  const { client, directory, runs, server } = await plug(t, script, exec, { extensions: [extension] });
  t.deepEqual(
    await Promise.all(Array.from({ length: 20 }, () => client.call(version))),
    Array.from({ length: 20 }, () => 'Bearer plugged'),
  );
  t.is(await client.call(version), 'Bearer plugged');
  t.is(runs(), 1);
  t.is(readFileSync(join(directory.path, 'given'), 'utf8'), `b c::d:${process.env.PATH}`);
  t.deepEqual(JSON.parse(readFileSync(join(directory.path, 'told'), 'utf8')), {
    ...{ kind: 'ExecCredential', apiVersion },
    spec: {
      interactive: false,
      cluster: {
        server: server.url,
        'certificate-authority-data': base64(authorityPem.trim()),
        config: { audience: 'e' },
      },
    },
  });
});

test('v1beta1 is spoken too, and says nothing of the cluster unless asked to', async (t) => {
  const beta = 'client.authentication.k8s.io/v1beta1';
  const script = `printf '%s' "$KUBERNETES_EXEC_INFO" >told\n${printing({ token: 'beta' }, beta)}`;
  const { client, directory } = await plug(t, script, { apiVersion: beta, interactiveMode: undefined });
  t.is(await client.call(version), 'Bearer beta');
  t.deepEqual(JSON.parse(readFileSync(join(directory.path, 'told'), 'utf8')), {
    ...{ kind: 'ExecCredential', apiVersion: beta, spec: { interactive: false } },
  });
});

test('what a plug-in gave is used until it expires', async (t) => {
  const expiry = new Date(new CountingClock().now() + 60_000).toISOString();
  const { client, clock, directory, runs } = await plug(t, printing({ token: 'one', expirationTimestamp: expiry }));
  t.is(await client.call(version), 'Bearer one');
  clock.advance(59_000);
  t.is(await client.call(version), 'Bearer one');
  t.is(runs(), 1);
  directory.file('plugin', `#!/bin/sh\n${printing({ token: 'two' })}\n`, 0o700);
  clock.advance(1_000);
  t.is(await client.call(version), 'Bearer two');
});

test('a plug-in is run again when what it gave is refused, and no more than once for each refusal', async (t) => {
  const script = `printf '{"kind":"ExecCredential","apiVersion":"${apiVersion}","status":{"token":"%s"}}' "$(wc -l <runs)"`;
  let good = 'Bearer 1';
  const answer: Answer = ({ headers }, response) => {
    response.writeHead(headers.authorization === good ? 200 : 401).end('{}');
  };
  const { client, runs } = await plug(t, script, {}, {}, answer);
  await client.call(version);
  good = 'Bearer 2';
  await Promise.all(Array.from({ length: 5 }, () => client.call(version)));
  t.is(runs(), 2);
  good = 'Bearer none';
  t.is((await failureOf(t, client.call(version))).status, 401);
  t.is(runs(), 3);
});

test('a plug-in may give a client certificate, which replaces connections made with another', async (t) => {
  const [first, second] = [certify('DNS:a'), certify('DNS:b')];
  const status = ({ certificate, key }: typeof first) => ({ clientCertificateData: certificate, clientKeyData: key });
  const directory = new KubeconfigDirectory(t);
  let isRefused = false;
  const server = await ApiServer.start(
    t,
    ({ socket }, response) => {
      const name = (socket as TLSSocket).getPeerCertificate().subjectaltname;
      response.writeHead(isRefused && name === 'DNS:a' ? 401 : 200).end(JSON.stringify(name));
    },
    { requestCert: true, rejectUnauthorized: true, ca: authorityPem },
  );
  directory.file('plugin', `#!/bin/sh\n${printing(status(first))}\n`, 0o700);
  const file = directory.write({
    cluster: { server: server.url, 'certificate-authority-data': base64(authorityPem) },
    user: { exec: { apiVersion, command: './plugin', interactiveMode: 'Never' } },
  });
  const clock = new CountingClock();
  const client = openClient(kubeconfigCredentials(file, clock), clock);
  t.is(await client.call(version), 'DNS:a');
  directory.file('plugin', `#!/bin/sh\n${printing(status(second))}\n`, 0o700);
  isRefused = true;
  t.is(await client.call(version), 'DNS:b');
  client.close();
});

test('a plug-in that fails tells why, in bounds, and may do better the next time', async (t) => {
  const { client, directory } = await plug(
    t,
    'head -c 100000 /dev/zero | tr "\\0" x >&2\necho "no session" >&2\nexit 3',
  );
  const { message, reason, status } = await failureOf(t, client.call(version));
  t.deepEqual([status, reason], [0, 'Credentials']);
  t.regex(message, /plugin exited with 3: x+no session$/);
  t.true(message.length < 700);
  directory.file('plugin', `#!/bin/sh\n${printing({ token: 'better' })}\n`, 0o700);
  t.is(await client.call(version), 'Bearer better');
});

test('a refused credential that cannot be had anew is reported as refused', async (t) => {
  const { client, directory } = await plug(t, printing({ token: 'old' }), {}, {}, (_, response) => {
    directory.file('plugin', '#!/bin/sh\nexit 1\n', 0o700);
    response.writeHead(401).end('no');
  });
  const { message, status } = await failureOf(t, client.call(version));
  t.is(status, 401);
  t.regex(message, /answered 401: no; .*plugin exited with 1/);
});

test('a plug-in that takes too long is ended with all that it started', async (t) => {
  const { client, clock, directory, runs } = await plug(t, 'sleep 1000 &\necho $! >pid\nwait');
  const failure = failureOf(t, client.call({ ...version, timeoutMs: 100_000 }));
  const pidFile = join(directory.path, 'pid');
  await eventually(
    () => runs() > 0 && existsSync(pidFile) && readFileSync(pidFile, 'utf8').endsWith('\n'),
    (isThere) => isThere,
  );
  clock.advance(60_000);
  t.regex((await failure).message, /plugin gave no credentials within 60 s/);
  const pid = Number(readFileSync(pidFile, 'utf8'));
  await eventually(
    () => stateOf(pid),
    (state) => state === undefined || state === 'Z',
  );
});

/** Of a process; undefined when it is gone. */
function stateOf(pid: number): string | undefined {
  try {
    return /^\d+ \(.*\) (\w)/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

const outputs: readonly (readonly [string, RegExp])[] = [
  ['echo hello', /printed no JSON/],
  ['echo null', /printed no ExecCredential of client\.authentication\.k8s\.io\/v1/],
  [printing({ token: 'a' }, 'client.authentication.k8s.io/v1beta1'), /printed no ExecCredential of/],
  [printing({}), /status has neither a token nor a certificate/],
  [printing({ token: 5 }), /status\.token is no text/],
  [printing({ clientCertificateData: 'a' }), /clientCertificateData or clientKeyData, and not both/],
  [printing({ token: 'a', expirationTimestamp: 'soon' }), /status\.expirationTimestamp is no time/],
  ['head -c 2000000 /dev/zero', /printed more than 1 MiB/],
  ['kill -9 $$', /was ended by SIGKILL/],
];

for (const [script, why] of outputs)
  test(`refused of a plug-in: ${why.source}`, async (t) => {
    const { client, server } = await plug(t, script);
    const { message, status } = await failureOf(t, client.call(version));
    t.is(status, 0);
    t.regex(message, why);
    t.is(server.connections, 0);
  });

test('a command that is not there comes with the hint how to install it', async (t) => {
  const exec = { command: 'weft-no-such-plugin', installHint: 'Install it\nfrom the shop.' };
  const { client } = await plug(t, '', exec);
  const { message } = await failureOf(t, client.call(version));
  t.is(message, 'weft-no-such-plugin is not there, or not in PATH: Install it from the shop.');
});
