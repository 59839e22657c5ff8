import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** One way of asking. */
export interface Load {
  readonly protocol: 'http1' | 'grpc';
  /** `new`: each request has a connection of its own. */
  readonly connections: 'keep-alive' | 'new';
  readonly concurrency: number;
  readonly path: string;
}

export interface Place {
  readonly netns: string;
  /** The cgroup the client is in; undefined: the bench's own. */
  readonly cgroup: string | undefined;
  readonly cpu: number;
}

/** What a burst of requests gave. */
export interface Burst {
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
  /** Latency in µs. */
  readonly p50: number;
}

const microseconds: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 6e7 };

function duration(text: string | undefined): number {
  const match = /^([0-9.]+)(us|ms|s|m)$/.exec(text ?? '');
  return match === null ? Number.NaN : Number(match[1]) * microseconds[match[2]!]!;
}

function readWrk(text: string): Burst {
  const total = /(\d+) requests in ([0-9.a-z]+),/.exec(text);
  if (total === null) throw new Error(`wrk said: ${text}`);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const failed = (errors?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0);
  const other = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  return {
    requests: Number(total[1]),
    failed: failed + other,
    seconds: duration(total[2]) / 1e6,
    p50: duration(/^\s*50%\s+(\S+)/m.exec(text)?.[1]),
  };
}

function readH2load(text: string): Burst {
  const total = /finished in ([0-9.a-z]+),/.exec(text);
  const counts = /requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed/.exec(text);
  if (total === null || counts === null) throw new Error(`h2load said: ${text}`);
  const requests = Number(counts[2]);
  return {
    requests,
    failed: Number(counts[3]),
    seconds: duration(total[1]) / 1e6,
    p50: duration(/^time for request:\s+\S+\s+\S+\s+(\S+)/m.exec(text)?.[1]),
  };
}

/** The words before a program that put it into its place. */
export function inPlace({ netns, cgroup, cpu }: Place): readonly string[] {
  const enter = cgroup === undefined ? '' : `echo $$ > ${cgroup}/cgroup.procs; `;
  return ['sh', '-c', `${enter}exec "$@"`, 'sh', 'nsenter', `--net=${netns}`, 'taskset', '--cpu-list', String(cpu)];
}

/** Sends requests for `seconds` by wrk (HTTP/1.1) or h2load (gRPC over h2c). */
export async function send(place: Place, origin: string, load: Load, seconds: number): Promise<Burst> {
  const url = `${origin}${load.path}`;
  const words =
    load.protocol === 'http1'
      ? [
          ...['wrk', '--latency', '-t', '1', '-c', String(load.concurrency), '-d', `${seconds}s`],
          ...(load.connections === 'new' ? ['-H', 'Connection: close'] : []),
          url,
        ]
      : [
          ...['h2load', '-t', '1', '-c', '1', '-m', String(load.concurrency), '-D', String(seconds)],
          ...['-H', 'content-type: application/grpc', '-H', 'te: trailers', url],
        ];
  const [program, ...rest] = [...inPlace(place), ...words];
  const { stdout } = await execute(program!, rest, { maxBuffer: 1 << 24 });
  return load.protocol === 'http1' ? readWrk(stdout) : readH2load(stdout);
}
