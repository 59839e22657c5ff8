import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Clock } from '../clock.js';
import { type Access, type Credentials, CredentialsError } from './credentials.js';
import { type ExecPlugin, execVersions } from './exec-plugin.js';
import { HeldCredential } from './held-credential.js';
import { KeptFile } from './kept-file.js';
import { Field, KubeconfigError } from './kubeconfig-field.js';
import { hostOf } from './tunnel.js';

/** A text, read anew each time where a file holds it. Throws an error that names the file. */
type Source = () => string | undefined;

/** Of fields of a user that would change who is speaking, and are not supported. */
const refused: Readonly<Record<string, string>> = {
  username: 'is not supported: API servers take no passwords since 1.19; use a token, a certificate or exec',
  password: 'is not supported: API servers take no passwords since 1.19; use a token, a certificate or exec',
  'auth-provider': 'is not supported, as it is not by kubectl since 1.26: use exec',
  as: 'is not supported: name the user itself',
  'as-uid': 'is not supported: name the user itself',
  'as-groups': 'is not supported: name the user itself',
  'as-user-extra': 'is not supported: name the user itself',
};

/**
 * Those of the current context of a kubeconfig (kubectl's; k8s.io/client-go/tools/clientcmd/api/v1). The file itself is read once,
 * files that it names are read anew for each connection. Relative paths are relative to the file. Throws {@link KubeconfigError}.
 */
export function kubeconfigCredentials(file: string, clock: Clock): Credentials {
  const root = new Field(file, '', parsed(file));
  const context = named(root, 'contexts', root.at('current-context')).at('context');
  const cluster = named(root, 'clusters', context.at('cluster')).at('cluster');
  const directory = dirname(resolve(file));
  const authority = pemSource(cluster, 'certificate-authority', directory);
  const isInsecure = insecurityOf(cluster, authority());
  const server = serverOf(cluster.at('server'));
  const user = context.at('user').isAbsent
    ? new Field(file, 'user', undefined)
    : named(root, 'users', context.at('user')).at('user');
  const given = userSource(user, directory);
  const exec = user.at('exec');
  const plugin = exec.isAbsent ? undefined : pluginOf(exec, cluster, directory, authority());
  return {
    server,
    serverName: cluster.at('tls-server-name').text(),
    isInsecure,
    proxy: proxyOf(cluster.at('proxy-url')),
    namespace: context.at('namespace').text(),
    access: accessor(given, authority, plugin && new HeldCredential(plugin, clock)),
  };
}

function parsed(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const line = message.split('\n')[0] ?? message;
    throw new KubeconfigError(file, '', code?.startsWith('E') ? `cannot be read: ${line}` : `is no YAML: ${line}`);
  }
}

/** The element of a list of named things that `reference` names. */
function named(root: Field, list: string, reference: Field): Field {
  const name = reference.required();
  const found = root
    .at(list)
    .items()
    .find((item) => item.at('name').text() === name);
  return found ?? reference.fail(`names none of ${list}: ${name}`);
}

function serverOf(field: Field): URL {
  const text = field.required();
  const url = URL.canParse(text) ? new URL(text) : field.fail('is no URL');
  if (url.protocol !== 'https:') field.fail('must begin with https://, for credentials are sent there');
  return hostOf(url) === '' || url.search !== '' || url.username !== ''
    ? field.fail('must be no more than a host, a port and a path')
    : url;
}

/** Whether the server's certificate is not looked at. Refused together with `authority`, as by client-go's TLSConfigFor. */
function insecurityOf(cluster: Field, authority: string | undefined): boolean {
  const field = cluster.at('insecure-skip-tls-verify');
  return field.flag() && authority !== undefined
    ? field.fail('cannot be together with a certificate authority, which would not be looked at: remove one of them')
    : field.flag();
}

function proxyOf(field: Field): URL | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : field.fail('is no URL');
  if (url.protocol !== 'http:')
    field.fail(`has a scheme that is not supported, ${url.protocol.slice(0, -1)}: use http`);
  return url;
}

/** Of `NAME-data` in base64, else of the file that `NAME` names; both PEM. Looked at once now. */
function pemSource(of: Field, name: string, directory: string): Source {
  const [data, file] = [of.at(`${name}-data`), of.at(name)];
  const encoded = data.text();
  if (encoded !== undefined) {
    const text = Buffer.from(encoded, 'base64').toString('utf8').trim();
    if (!text.includes('-----BEGIN ')) data.fail('must be PEM in base64');
    return () => text;
  }
  return fileSource(file, directory, (text) => text.includes('-----BEGIN ') || file.fail('must name a file of PEM'));
}

function fileSource(field: Field, directory: string, check: (text: string) => void = () => {}): Source {
  const path = field.text();
  if (path === undefined) return () => undefined;
  const file = new KeptFile(resolve(directory, path));
  try {
    check(file.read());
  } catch (error) {
    if (error instanceof KubeconfigError) throw error;
    field.fail(`cannot be read: ${(error as Error).message}`);
  }
  return () => file.read();
}

type Given = Omit<Access, 'authority'>;

/** What the file itself says of a user, without its plug-in. A tokenFile counts before a token, as with kubectl. */
function userSource(user: Field, directory: string): () => Given {
  for (const [name, why] of Object.entries(refused)) if (!user.at(name).isAbsent) user.at(name).fail(why);
  const certificate = pemSource(user, 'client-certificate', directory);
  const key = pemSource(user, 'client-key', directory);
  if (certificate() !== undefined && key() === undefined) user.at('client-key').fail('is missing');
  if (key() !== undefined && certificate() === undefined) user.at('client-certificate').fail('is missing');
  const token = user.at('token').text();
  const tokenFile = fileSource(user.at('tokenFile'), directory);
  return () => ({ certificate: certificate(), key: key(), token: tokenFile() ?? token });
}

function pluginOf(exec: Field, cluster: Field, directory: string, authority: string | undefined): ExecPlugin {
  const version = exec.at('apiVersion').required();
  const apiVersion =
    execVersions.find((each) => each === version) ??
    exec.at('apiVersion').fail(`must be one of ${execVersions.join(', ')}, not ${version}`);
  const mode = exec.at('interactiveMode');
  // Required in v1, IfAvailable by default in v1beta1 (KEP-541).
  if (apiVersion === 'client.authentication.k8s.io/v1') mode.required();
  if (mode.text() === 'Always') mode.fail('cannot be Always: an agent has no terminal');
  if (!['Never', 'IfAvailable', undefined].includes(mode.text())) mode.fail('must be Never or IfAvailable');
  const command = exec.at('command').required();
  const pairs = exec.at('env').items();
  return {
    apiVersion,
    command: command.includes('/') ? resolve(directory, command) : command,
    args: exec
      .at('args')
      .items()
      .map((arg) => arg.text() ?? ''),
    env: Object.fromEntries(pairs.map((pair) => [pair.at('name').required(), pair.at('value').text() ?? ''])),
    cluster: exec.at('provideClusterInfo').flag() ? clusterInfo(cluster, authority) : undefined,
    installHint: exec.at('installHint').text() ?? '',
  };
}

/** ExecCredential.spec.cluster: the cluster's fields by the same names, and the configuration that is meant for plug-ins. */
function clusterInfo(cluster: Field, authority: string | undefined): Readonly<Record<string, unknown>> {
  const config = cluster
    .at('extensions')
    .items()
    .find((each) => each.at('name').text() === 'client.authentication.k8s.io/exec');
  const told = {
    server: cluster.at('server').required(),
    'tls-server-name': cluster.at('tls-server-name').text(),
    'insecure-skip-tls-verify': cluster.at('insecure-skip-tls-verify').flag() || undefined,
    'certificate-authority-data': authority && Buffer.from(authority).toString('base64'),
    'proxy-url': cluster.at('proxy-url').text(),
    config: config?.at('extension').raw,
  };
  return Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined));
}

/** What the file gives comes before what a plug-in gives. */
function accessor(given: () => Given, authority: Source, held: HeldCredential | undefined): Credentials['access'] {
  return async (rejected) => {
    const plugged = await held?.get(rejected);
    try {
      const { certificate, key, token } = given();
      const own = certificate !== undefined ? { certificate, key } : undefined;
      const identity = own ?? { certificate: plugged?.certificate, key: plugged?.key };
      return { authority: authority(), ...identity, token: token ?? plugged?.token };
    } catch (error) {
      throw new CredentialsError((error as Error).message);
    }
  };
}
