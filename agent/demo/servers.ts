import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, pause } from '../clock.js';
import { type CastPod, podPort } from './cast.js';
import { exited, launch } from './command.js';
import { netnsOf, type Run } from './run.js';

const temporaryPaths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
/** Until a server that does not come up counts as failed, in ms. */
const patience = 5000;

/** An nginx of one process that answers everything with the pod's name. Paths are relative to its prefix. */
export function nginxConfiguration(pod: CastPod, ipv6: boolean): string {
  const body = JSON.stringify({ id: 1, service: pod.service, pod: pod.name });
  return `daemon off;
master_process off;
pid nginx.pid;
error_log error.log warn;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_timeout 0;
${temporaryPaths.map((name) => `  ${name}_temp_path ${name};`).join('\n')}
  server {
    listen ${podPort} backlog=1024;
${ipv6 ? `    listen [::]:${podPort} backlog=1024 ipv6only=on;\n` : ''}    default_type application/json;
    add_header X-Served-By ${pod.name};
    location / { return 200 '${body}\\n'; }
  }
}
`;
}

/** A running server. */
export interface Server {
  readonly pid: number;
  /** Kills it with SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts the pod's nginx in its namespace. Resolves when it accepts connections. */
export async function startServer(demo: Run, pod: CastPod, ipv6: boolean, clock: Clock): Promise<Server> {
  const prefix = join(demo.folder, pod.name);
  const pidFile = join(prefix, 'nginx.pid');
  mkdirSync(prefix, { recursive: true });
  rmSync(pidFile, { force: true });
  writeFileSync(join(prefix, 'nginx.conf'), nginxConfiguration(pod, ipv6));
  const place = { cgroup: demo.podCgroup, netns: netnsOf(demo, pod.name) };
  const argv = ['nginx', '-p', prefix, '-c', 'nginx.conf', '-e', 'error.log'];
  const child = launch(place, argv, ['ignore', 'ignore', 'pipe']);
  const words: string[] = [];
  child.stderr!.on('data', (chunk) => words.push(String(chunk)));
  await listening(child, pidFile, clock).catch((error: Error) => {
    throw new Error(`nginx of ${pod.name} ${error.message}: ${words.join('').trim()}`);
  });
  return {
    pid: child.pid!,
    async kill() {
      child.kill('SIGKILL');
      await exited(child);
    },
  };
}

/** nginx writes its pid file when its sockets listen. */
async function listening(child: ChildProcess, pidFile: string, clock: Clock): Promise<void> {
  let failure: Error | null = null;
  child.once('error', (error) => {
    failure = error;
  });
  const end = clock.monotonic() + patience;
  while (!existsSync(pidFile)) {
    if (failure !== null) throw failure;
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('ended at once');
    if (clock.monotonic() > end) throw new Error(`does not listen after ${patience} ms`);
    await pause(clock, 10);
  }
}
