import { spawn } from 'node:child_process';
import type { Clock } from '../clock.js';
import { CredentialsError } from './credentials.js';
import { oneLine } from './trouble.js';

/** Versions of ExecCredential that are spoken. */
export const execVersions = ['client.authentication.k8s.io/v1', 'client.authentication.k8s.io/v1beta1'] as const;

/** A program that gives credentials (client.authentication.k8s.io: ExecCredential), as a kubeconfig's `user.exec` names it. */
export interface ExecPlugin {
  readonly apiVersion: (typeof execVersions)[number];
  /** A name to look for in PATH, or an absolute path. */
  readonly command: string;
  readonly args: readonly string[];
  /** Besides this process's own. */
  readonly env: Readonly<Record<string, string>>;
  /** ExecCredential.spec.cluster; undefined: the plug-in is not told. */
  readonly cluster: Readonly<Record<string, unknown>> | undefined;
  /** Told when there is no such command; may be empty. */
  readonly installHint: string;
}

/** What a plug-in gave: a token, or a certificate (PEM) with its key, or both. */
export interface ExecAccess {
  readonly token: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** Wall time in ms; infinite: until the server refuses it. */
  readonly expires: number;
}

/** How long a plug-in may take, in ms: it may ask somebody else over the network. */
const timeoutMs = 60_000;

/** Of a plug-in's output, in bytes; of what it says about its failure, in characters. */
const mostOutput = 1 << 20;
const longestComplaint = 500;

/** Runs the plug-in. Rejects with {@link CredentialsError}. */
export async function runExecPlugin(plugin: ExecPlugin, clock: Clock): Promise<ExecAccess> {
  const output = await outputOf(plugin, clock);
  let given: unknown;
  try {
    given = JSON.parse(output);
  } catch {
    throw new CredentialsError(`${plugin.command} printed no JSON`);
  }
  const credential = given as Partial<ExecCredential> | null;
  if (credential?.kind !== 'ExecCredential' || credential.apiVersion !== plugin.apiVersion)
    throw new CredentialsError(`${plugin.command} printed no ExecCredential of ${plugin.apiVersion}`);
  const access = accessOf(credential.status ?? {});
  if (typeof access === 'string') throw new CredentialsError(`${plugin.command}: ${access}`);
  return access;
}

interface ExecCredential {
  readonly apiVersion: string;
  readonly kind: 'ExecCredential';
  readonly status: ExecStatus | null;
}

interface ExecStatus {
  readonly token?: unknown;
  readonly clientCertificateData?: unknown;
  readonly clientKeyData?: unknown;
  /** RFC 3339. */
  readonly expirationTimestamp?: unknown;
}

/** Or what is wrong with it. */
function accessOf(status: ExecStatus): ExecAccess | string {
  const { clientCertificateData, clientKeyData, expirationTimestamp, token } = status;
  for (const [field, value] of Object.entries({ clientCertificateData, clientKeyData, expirationTimestamp, token }))
    if (value !== undefined && value !== null && typeof value !== 'string') return `status.${field} is no text`;
  const [certificate, key] = [textOf(clientCertificateData), textOf(clientKeyData)];
  if ((certificate === undefined) !== (key === undefined))
    return 'status has clientCertificateData or clientKeyData, and not both';
  if (textOf(token) === undefined && certificate === undefined) return 'status has neither a token nor a certificate';
  const expiry = textOf(expirationTimestamp);
  const expires = expiry === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiry);
  if (Number.isNaN(expires)) return 'status.expirationTimestamp is no time';
  return { token: textOf(token), certificate, key, expires };
}

const textOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;

function outputOf(plugin: ExecPlugin, clock: Clock): Promise<string> {
  const { apiVersion, args, cluster, command, env } = plugin;
  const spec = { interactive: false, ...(cluster && { cluster }) };
  const told = JSON.stringify({ kind: 'ExecCredential', apiVersion, spec });
  return new Promise((resolve, reject) => {
    // A process group of its own: what the plug-in starts ends with it.
    const child = spawn(command, args, {
      ...{ detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
      env: { ...process.env, ...env, KUBERNETES_EXEC_INFO: told },
    });
    const fail = (why: string) => reject(new CredentialsError(`${command} ${why}`));
    const kill = (why: string) => {
      fail(why);
      if (child.pid !== undefined) killGroup(child.pid);
    };
    const forget = clock.after(timeoutMs, () => kill(`gave no credentials within ${timeoutMs / 1000} s`));
    let output = '';
    let complaint = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > mostOutput) kill('printed more than 1 MiB');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-longestComplaint);
    });
    child.once('error', ({ code, message }: NodeJS.ErrnoException) => {
      forget();
      fail(code === 'ENOENT' ? missing(plugin) : `cannot be run: ${message}`);
    });
    child.once('close', (status, signal) => {
      forget();
      if (status === 0) resolve(output);
      else
        fail(`${signal ? `was ended by ${signal}` : `exited with ${status}`}: ${oneLine(complaint, longestComplaint)}`);
    });
  });
}

function missing({ installHint }: ExecPlugin): string {
  return `is not there, or not in PATH${installHint && `: ${oneLine(installHint, longestComplaint)}`}`;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
