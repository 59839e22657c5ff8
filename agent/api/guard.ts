import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { showHost } from './address.js';
import { type ProblemDetails, problemDetails } from './problem-details.js';

/** Who is at the other end of a Unix socket (SO_PEERCRED, unix(7)). */
export interface Peer {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
}

/** Decides on each request whether it may be served; undefined: it may. */
export type Guard = (request: IncomingMessage) => ProblemDetails | undefined;

const open = new Set(['/healthz', '/readyz']);

function isOpen(request: IncomingMessage): boolean {
  return open.has((request.url ?? '').replace(/\?.*$/s, ''));
}

/** The supplementary groups of a process (proc(5), `Groups:`); none when it is gone. */
function groupsOf(pid: number): readonly number[] {
  try {
    const line = /^Groups:(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return (line?.[1] ?? '').trim().split(/\s+/).map(Number);
  } catch {
    return [];
  }
}

/**
 * Lets in root, the agent's own user and members of `group`. `peer` reads the credentials of a connection's
 * descriptor; they are those at connect(2) and are read once a connection.
 */
export function peerGuard(peer: (fd: number) => Peer, group: number | undefined): Guard {
  const known = new WeakMap<Socket, boolean>();
  const mayConnect = (socket: Socket): boolean => {
    const fd = (socket as { _handle?: { fd?: number } })._handle?.fd;
    if (fd === undefined || fd < 0) return false;
    const { uid, gid, pid } = peer(fd);
    if (uid === 0 || uid === process.geteuid?.()) return true;
    return group !== undefined && (gid === group || groupsOf(pid).includes(group));
  };
  return (request) => {
    const { socket } = request;
    let allowed = known.get(socket);
    if (allowed === undefined) {
      allowed = mayConnect(socket);
      known.set(socket, allowed);
    }
    return allowed ? undefined : problemDetails(403, 'only root and members of --api-group may use this socket');
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/**
 * For TCP: the bearer token (RFC 6750), compared in constant time, on everything but /healthz and /readyz; a Host that names loopback
 * and `port`, so that a rebound DNS name does not reach the API from a browser; an Origin, when there is one, of the same place.
 */
export function tokenGuard(token: string, port: () => number): Guard {
  const expected = digest(token);
  return (request) => {
    const hosts = ['127.0.0.1', 'localhost', '::1'].map((host) => `${showHost(host)}:${port()}`);
    const host = (request.headers.host ?? '').toLowerCase();
    if (!hosts.includes(host)) return problemDetails(403, `Host must be one of ${hosts.join(', ')}`);
    const { origin } = request.headers;
    if (origin !== undefined && origin.toLowerCase() !== `http://${host}`)
      return problemDetails(403, 'requests from other origins are not served');
    if (isOpen(request)) return undefined;
    const bearer = /^bearer +(\S+) *$/i.exec(request.headers.authorization ?? '');
    if (bearer === null) return problemDetails(401, 'a bearer token is needed: Authorization: Bearer TOKEN');
    return timingSafeEqual(digest(bearer[1]!), expected) ? undefined : problemDetails(401, 'the bearer token is wrong');
  };
}
