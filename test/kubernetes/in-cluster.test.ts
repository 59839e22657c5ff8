import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../agent/clock.js';
import { openClient } from '../../agent/kubernetes/client.js';
import { CredentialsError } from '../../agent/kubernetes/credentials.js';
import { inClusterCredentials } from '../../agent/kubernetes/in-cluster.js';
import { Authority } from '../gateway/listener/certificates.js';
import { type Answer, ApiServer, authorityPem } from './api-server.js';

/** A service account's files as kubelet projects them: links through `..data`, which a new directory replaces. */
class ServiceAccount {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'weft-account-'));
  #versions = 0;

  constructor(t: ExecutionContext, files: Readonly<Record<string, string>>) {
    t.teardown(() => rmSync(this.directory, { recursive: true }));
    this.replace(files);
    for (const name of Object.keys(files)) symlinkSync(join('..data', name), join(this.directory, name));
  }

  replace(files: Readonly<Record<string, string>>): void {
    this.#versions += 1;
    const version = `..version-${this.#versions}`;
    mkdirSync(join(this.directory, version));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.directory, version, name), text);
    symlinkSync(version, join(this.directory, '..data_tmp'));
    renameSync(join(this.directory, '..data_tmp'), join(this.directory, '..data'));
  }
}

const files = { token: 'first\n', 'ca.crt': authorityPem, namespace: 'weft-system\n' };

const telling: Answer = ({ headers }, response) => response.end(JSON.stringify(headers.authorization));

const surroundings = (host: string, port: number) => ({
  KUBERNETES_SERVICE_HOST: host,
  KUBERNETES_SERVICE_PORT: String(port),
});

const version = { method: 'GET', path: '/version' } as const;

test('a Pod speaks as its service account, with the token of the moment', async (t) => {
  const account = new ServiceAccount(t, files);
  const server = await ApiServer.start(t, telling);
  const credentials = inClusterCredentials(surroundings('127.0.0.1', server.port), account.directory);
  t.is(credentials.namespace, 'weft-system');
  const client = openClient(credentials, systemClock);
  t.is(await client.call(version), 'Bearer first');
  account.replace({ ...files, token: 'second' });
  t.is(await client.call(version), 'Bearer second');
  t.is(server.connections, 1);
  unlinkSync(join(account.directory, '..data'));
  t.is(await client.call(version), 'Bearer second');
  account.replace({ ...files, token: '' });
  t.is(await client.call(version), 'Bearer second');
  account.replace({ ...files, token: 'third' });
  t.is(await client.call(version), 'Bearer third');
  client.close();
});

test('a token that is replaced just as it is refused is taken at once', async (t) => {
  const account = new ServiceAccount(t, files);
  const server = await ApiServer.start(t, ({ headers }, response) => {
    account.replace({ ...files, token: 'second' });
    response.writeHead(headers.authorization === 'Bearer second' ? 200 : 401).end('"come in"');
  });
  const client = openClient(
    inClusterCredentials(surroundings('127.0.0.1', server.port), account.directory),
    systemClock,
  );
  t.is(await client.call(version), 'come in');
  client.close();
});

test('an authority that is replaced counts for the next connection', async (t) => {
  const other = new Authority();
  t.teardown(() => other.remove());
  const next = other.sign('IP:127.0.0.1');
  const account = new ServiceAccount(t, files);
  const [server, renewed] = await Promise.all([
    ApiServer.start(t, telling),
    ApiServer.start(t, telling, { cert: next.certificate, key: next.key }),
  ]);
  const clients = [server, renewed].map(({ port }) =>
    openClient(inClusterCredentials(surroundings('127.0.0.1', port), account.directory), systemClock),
  );
  t.is(await clients[0]!.call(version), 'Bearer first');
  t.like(await t.throwsAsync(clients[1]!.call(version)), { reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  account.replace({ ...files, 'ca.crt': other.certificate });
  t.is(await clients[1]!.call(version), 'Bearer first');
  t.like(await t.throwsAsync(clients[0]!.call(version)), { reason: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  for (const client of clients) client.close();
});

test('the server may be at an IPv6 address', async (t) => {
  const account = new ServiceAccount(t, files);
  const hosts: unknown[] = [];
  const answer: Answer = ({ headers }, response) => {
    hosts.push(headers.host);
    response.end('1');
  };
  const server = await ApiServer.start(t, answer, {}, '::1');
  const client = openClient(inClusterCredentials(surroundings('::1', server.port), account.directory), systemClock);
  t.is(client.server, `https://[::1]:${server.port}`);
  t.is(await client.call(version), 1);
  t.deepEqual(hosts, [`[::1]:${server.port}`]);
  client.close();
});

test('what is missing is named', (t) => {
  const message = (...of: Parameters<typeof inClusterCredentials>) =>
    t.throws(() => inClusterCredentials(...of), { instanceOf: CredentialsError })?.message ?? '';
  const account = new ServiceAccount(t, files);
  t.regex(message({}, account.directory), /KUBERNETES_SERVICE_HOST.* not set.*--kubeconfig/);
  t.regex(message(surroundings('a b', 1), account.directory), /are no address: a b and 1/);
  account.replace({ 'ca.crt': authorityPem });
  t.regex(message(surroundings('127.0.0.1', 1), account.directory), /ENOENT.*token'/);
  account.replace({ token: 'a' });
  t.regex(message(surroundings('127.0.0.1', 1), account.directory), /ENOENT.*ca\.crt'/);
  account.replace({ token: ' \n', 'ca.crt': authorityPem });
  t.regex(message(surroundings('127.0.0.1', 1), account.directory), /token is empty/);
  account.replace({ token: 'a', 'ca.crt': authorityPem });
  t.is(inClusterCredentials(surroundings('127.0.0.1', 1), account.directory).namespace, undefined);
});
