import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Scope } from '../scope.js';
import { inPlace, type Place } from './load.js';

export const ports = { http1: 8080, grpc: 8081 } as const;

/** A server program that runs until the scope closes. */
export interface Running {
  readonly pids: readonly number[];
}

const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  .map((name) => `${name}_temp_path ${name};`)
  .join('\n');

function nginxFrame(http: string): string {
  return `daemon off; master_process off; pid nginx.pid; error_log error.log warn;
events { worker_connections 4096; }
http {
access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;
${temporary}
${http}
}
`;
}

/** Answers /small with 2 bytes and /16k with 16 KiB, over HTTP/1.1 and over h2c. */
export function backendConfiguration(address: string): string {
  return nginxFrame(`server {
listen ${address}:${ports.http1} backlog=4096; listen ${address}:${ports.grpc} http2 backlog=4096;
location = /small { return 200 'ok'; }
location = /16k { root .; }
location = /bench.Echo/Say { default_type application/grpc; return 200 'ok'; }
}`);
}

export function nginxProxyConfiguration(listen: string, backend: string): string {
  return nginxFrame(`upstream h1 { server ${backend}:${ports.http1}; keepalive 256; keepalive_requests 1000000000; }
upstream h2 { server ${backend}:${ports.grpc}; keepalive 256; keepalive_requests 1000000000; }
server { listen ${listen}:${ports.http1} backlog=4096;
location / { proxy_pass http://h1; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_set_header Host $host; } }
server { listen ${listen}:${ports.grpc} http2 backlog=4096; location / { grpc_pass grpc://h2; } }`);
}

export function haproxyConfiguration(listen: string, backend: string): string {
  return `global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend f1
  bind ${listen}:${ports.http1}
  default_backend b1
backend b1
  server s ${backend}:${ports.http1}
frontend f2
  bind ${listen}:${ports.grpc} proto h2
  default_backend b2
backend b2
  server s ${backend}:${ports.grpc} proto h2
`;
}

async function untilListening(child: ChildProcess, isThere: () => boolean, log: () => string): Promise<void> {
  for (let wait = 0; !isThere(); wait++) {
    if (child.exitCode !== null || wait > 500) throw new Error(`a server did not start: ${log()}`);
    await pause(10);
  }
}

function launch(scope: Scope, place: Place, words: readonly string[], directory: string): ChildProcess {
  const [program, ...rest] = [...inPlace(place), ...words];
  const child = spawn(program!, rest, { stdio: 'ignore', cwd: directory });
  scope.defer(() => child.kill('SIGKILL'));
  return child;
}

/** Starts an nginx of one process. `name` is its directory's. */
export async function startNginx(scope: Scope, place: Place, name: string, configuration: string): Promise<Running> {
  const directory = join(scope.directory, name);
  mkdirSync(directory);
  writeFileSync(join(directory, 'nginx.conf'), configuration);
  writeFileSync(join(directory, '16k'), 'x'.repeat(16 * 1024));
  const child = launch(
    scope,
    place,
    ['nginx', '-p', directory, '-c', 'nginx.conf', '-e', join(directory, 'error.log')],
    directory,
  );
  const log = join(directory, 'error.log');
  await untilListening(
    child,
    () => existsSync(join(directory, 'nginx.pid')),
    () => (existsSync(log) ? readFileSync(log, 'utf8') : ''),
  );
  return { pids: [child.pid!] };
}

/** Starts an HAProxy of one thread. */
export async function startHaproxy(scope: Scope, place: Place, configuration: string): Promise<Running> {
  const directory = join(scope.directory, 'haproxy');
  mkdirSync(directory);
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(file, configuration);
  // It is its own worker without -W, and listens before it leaves the initialization that the pid file ends.
  const child = launch(scope, place, ['haproxy', '-db', '-f', file, '-p', join(directory, 'pid')], directory);
  await pause(300);
  if (child.exitCode !== null) throw new Error('haproxy did not start');
  return { pids: [child.pid!] };
}
