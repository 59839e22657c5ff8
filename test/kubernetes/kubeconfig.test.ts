import type { TLSSocket } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { ApiError } from '../../agent/kubernetes/api.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { kubeconfigCredentials } from '../../agent/kubernetes/kubeconfig.js';
import { KubeconfigError } from '../../agent/kubernetes/kubeconfig-field.js';
import { type Answer, ApiServer, authorityPem, certify } from './api-server.js';
import { base64, KubeconfigDirectory } from './kubeconfig-file.js';

const version = { method: 'GET', path: '/version' } as const;

const telling: Answer = ({ headers, socket }, response) => {
  const { CN } = (socket as TLSSocket).getPeerCertificate().subject ?? {};
  response.end(JSON.stringify({ token: headers.authorization, client: CN, name: (socket as TLSSocket).servername }));
};

/** One call as the file says. */
async function callBy(file: string): Promise<unknown> {
  const client = openClient(kubeconfigCredentials(file, systemClock), systemClock);
  try {
    return await client.call(version);
  } finally {
    client.close();
  }
}

const ca = { 'certificate-authority-data': base64(authorityPem) };
const insecure = { 'insecure-skip-tls-verify': true };

test('a token, an authority and a namespace within the file', async (t) => {
  const directory = new KubeconfigDirectory(t);
  const server = await ApiServer.start(t, telling);
  const file = directory.write({
    cluster: { server: server.url, ...ca },
    user: { token: 'inline' },
    context: { namespace: 'mesh' },
  });
  t.deepEqual(await callBy(file), { token: 'Bearer inline', name: false });
  t.is(kubeconfigCredentials(file, systemClock).namespace, 'mesh');
});

test('files are relative to the kubeconfig, and read anew', async (t) => {
  const directory = new KubeconfigDirectory(t);
  const server = await ApiServer.start(t, telling);
  directory.file('ca.pem', authorityPem);
  directory.file('token', 'one\n');
  const file = directory.write({
    cluster: { server: server.url, 'certificate-authority': 'ca.pem' },
    user: { tokenFile: './token', token: 'unused' },
  });
  const client = openClient(kubeconfigCredentials(file, systemClock), systemClock);
  t.like(await client.call(version), { token: 'Bearer one' });
  directory.file('token', 'two');
  t.like(await client.call(version), { token: 'Bearer two' });
  client.close();
});

test('a server that demands client certificates gets one, and a renewed one when it is renewed', async (t) => {
  const directory = new KubeconfigDirectory(t);
  const demanding = { requestCert: true, rejectUnauthorized: true, ca: authorityPem };
  const serials: string[] = [];
  const answer: Answer = ({ socket }, response) => {
    serials.push((socket as TLSSocket).getPeerCertificate().serialNumber);
    response.end('1');
  };
  const server = await ApiServer.start(t, answer, demanding);
  const cluster = { server: server.url, ...ca };
  const [first, second] = [certify('DNS:agent'), certify('DNS:agent')];
  directory.file('tls.crt', first.certificate);
  directory.file('tls.key', first.key);
  const file = directory.write({ cluster, user: { 'client-certificate': 'tls.crt', 'client-key': 'tls.key' } });
  const client = openClient(kubeconfigCredentials(file, systemClock), systemClock);
  t.is(await client.call(version), 1);
  directory.file('tls.crt', second.certificate);
  t.like(await t.throwsAsync(client.call(version)), { status: 0, reason: 'ERR_OSSL_X509_KEY_VALUES_MISMATCH' });
  directory.file('tls.key', second.key);
  t.is(await client.call(version), 1);
  t.is(new Set(serials).size, 2);
  client.close();

  const inline = { 'client-certificate-data': base64(first.certificate), 'client-key-data': base64(first.key) };
  t.is(await callBy(directory.write({ cluster, user: inline })), 1);
  t.is(serials[0], serials[2]);

  // The server's alert may be lost when it closes before it has read the request.
  const refusals = ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ECONNRESET', 'EPIPE'];
  const error = await t.throwsAsync(callBy(directory.write({ cluster, user: { token: 'a' } })), {
    instanceOf: ApiError,
  });
  t.is(error!.status, 0);
  t.true(refusals.includes(error!.reason), error!.reason);
  t.is(serials.length, 3);
});

test('tls-server-name is the name that is asked for and checked', async (t) => {
  const directory = new KubeconfigDirectory(t);
  const named = certify('DNS:kubernetes.default.svc');
  const server = await ApiServer.start(t, telling, { cert: named.certificate, key: named.key });
  const cluster = { server: server.url, ...ca };
  t.like(await t.throwsAsync(callBy(directory.write({ cluster }))), { reason: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  const file = directory.write({ cluster: { ...cluster, 'tls-server-name': 'kubernetes.default.svc' } });
  t.deepEqual(await callBy(file), { name: 'kubernetes.default.svc' });
});

test('insecure-skip-tls-verify looks at no certificate', async (t) => {
  const directory = new KubeconfigDirectory(t);
  const server = await ApiServer.start(t, telling);
  const cluster = { server: server.url };
  t.like(await t.throwsAsync(callBy(directory.write({ cluster }))), { reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  t.deepEqual(await callBy(directory.write({ cluster: { ...cluster, ...insecure } })), { name: false });
  // An empty authority is none, and `false` looks at certificates as its absence does.
  const none = { 'certificate-authority-data': '', 'certificate-authority': '' };
  t.deepEqual(await callBy(directory.write({ cluster: { ...cluster, ...insecure, ...none } })), { name: false });
  const verifying = { ...cluster, ...ca, 'insecure-skip-tls-verify': false };
  t.deepEqual(await callBy(directory.write({ cluster: verifying })), { name: false });
});

/** What opening the file throws: the path and the rest of the message. */
function faultOf(t: ExecutionContext, file: string): readonly [string, string] {
  const error = t.throws(() => kubeconfigCredentials(file, systemClock), { instanceOf: KubeconfigError })!;
  t.is(error.file, file);
  t.is(error.message, `${file}: ${error.path}${error.path && ' '}${error.why}`);
  return [error.path, error.why];
}

const here = { server: 'https://127.0.0.1:6443' };
const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: 'a', interactiveMode: 'Never' };

const userFaults: readonly (readonly [object, string, RegExp])[] = [
  [{ username: 'a', password: 'b' }, 'users[0].user.username', /not supported/],
  [{ password: 'b' }, 'users[0].user.password', /not supported/],
  [{ 'auth-provider': { name: 'gcp' } }, 'users[0].user.auth-provider', /not supported.*exec/],
  [{ as: 'root' }, 'users[0].user.as', /not supported/],
  [{ token: 5 }, 'users[0].user.token', /must be a text/],
  [{ tokenFile: 'none' }, 'users[0].user.tokenFile', /cannot be read: ENOENT/],
  [{ 'client-certificate-data': base64(authorityPem) }, 'users[0].user.client-key', /is missing/],
  [{ 'client-key-data': base64(authorityPem) }, 'users[0].user.client-certificate', /is missing/],
  [{ 'client-key-data': 'nonsense' }, 'users[0].user.client-key-data', /must be PEM in base64/],
  [{ 'client-key': 'config' }, 'users[0].user.client-key', /must name a file of PEM/],
  [{ exec: 'a' }, 'users[0].user.exec', /must be a mapping/],
  [{ exec: { ...exec, command: '' } }, 'users[0].user.exec.command', /is missing/],
  [{ exec: { ...exec, apiVersion: 'v1alpha1' } }, 'users[0].user.exec.apiVersion', /must be one of .*, not v1alpha1/],
  [{ exec: { ...exec, interactiveMode: undefined } }, 'users[0].user.exec.interactiveMode', /is missing/],
  [{ exec: { ...exec, interactiveMode: 'Always' } }, 'users[0].user.exec.interactiveMode', /no terminal/],
  [{ exec: { ...exec, interactiveMode: 'never' } }, 'users[0].user.exec.interactiveMode', /must be Never or IfAvail/],
  [{ exec: { ...exec, args: [1] } }, 'users[0].user.exec.args[0]', /must be a text/],
  [{ exec: { ...exec, env: [{ value: 'a' }] } }, 'users[0].user.exec.env[0].name', /is missing/],
  [{ exec: { ...exec, provideClusterInfo: 'yes' } }, 'users[0].user.exec.provideClusterInfo', /must be true or false/],
];

for (const [user, path, why] of userFaults)
  test(`refused: ${path} ${why.source}`, (t) => {
    const [where, words] = faultOf(t, new KubeconfigDirectory(t).write({ cluster: here, user }));
    t.is(where, path);
    t.regex(words, why);
  });

const clusterFaults: readonly (readonly [object, string, RegExp])[] = [
  [{}, 'clusters[0].cluster.server', /is missing/],
  [{ server: 'kubernetes' }, 'clusters[0].cluster.server', /is no URL/],
  [{ server: 'http://a:8080' }, 'clusters[0].cluster.server', /must begin with https/],
  [{ server: 'https://a:b@c' }, 'clusters[0].cluster.server', /must be no more than a host/],
  [{ ...here, 'proxy-url': 'socks5://a:1' }, 'clusters[0].cluster.proxy-url', /not supported, socks5: use http/],
  [{ ...here, 'proxy-url': 'a b' }, 'clusters[0].cluster.proxy-url', /is no URL/],
  [{ ...here, 'proxy-url': 'https://a:1' }, 'clusters[0].cluster.proxy-url', /not supported, https: use http/],
  [{ ...here, 'certificate-authority': 'none' }, 'clusters[0].cluster.certificate-authority', /ENOENT/],
  [{ ...here, ...insecure, ...ca }, 'clusters[0].cluster.insecure-skip-tls-verify', /together with a certificate auth/],
  [
    { ...here, ...insecure, 'certificate-authority': 'ca.pem' },
    'clusters[0].cluster.insecure-skip-tls-verify',
    /together with a certificate authority.*remove one of them/,
  ],
];

for (const [cluster, path, why] of clusterFaults)
  test(`refused: ${path} ${why.source}`, (t) => {
    const directory = new KubeconfigDirectory(t);
    directory.file('ca.pem', authorityPem);
    const [where, words] = faultOf(t, directory.write({ cluster }));
    t.is(where, path);
    t.regex(words, why);
  });

test('refused: files that are none, and names of nothing', (t) => {
  const directory = new KubeconfigDirectory(t);
  const fault = (text: string) => faultOf(t, directory.writeText(text));
  t.deepEqual(fault('a: 1'), ['current-context', 'is missing']);
  t.deepEqual(fault('current-context: a'), ['current-context', 'names none of contexts: a']);
  t.deepEqual(fault('{current-context: a, contexts: {}}'), ['contexts', 'must be a list']);
  t.deepEqual(fault('{current-context: a, contexts: [{name: a, context: {cluster: b}}]}'), [
    'contexts[0].context.cluster',
    'names none of clusters: b',
  ]);
  t.deepEqual(fault(''), ['current-context', 'is missing']);
  t.regex(fault('a: [')[1], /^is no YAML: /);
  t.regex(fault('- a')[1], /^must be a mapping$/);
  t.regex(faultOf(t, `${directory.path}/none`)[1], /^cannot be read: ENOENT/);
});
