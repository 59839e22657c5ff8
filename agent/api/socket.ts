import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { createConnection, type Server } from 'node:net';
import { dirname } from 'node:path';

/** The address cannot be taken; the message says why and what to do. */
export class AddressTaken extends Error {
  override readonly name = 'AddressTaken';
}

function errnoOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? '';
}

/** What connecting gives: `alive` when something accepts or its queue is full, `dead` when nobody listens, `absent` when there is no file. */
export function whoListens(path: string): Promise<'alive' | 'dead' | 'absent'> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve('alive');
    });
    socket.once('error', (error) => {
      const code = errnoOf(error);
      resolve(code === 'ENOENT' ? 'absent' : code === 'ECONNREFUSED' ? 'dead' : 'alive');
    });
  });
}

/** Removes the socket a dead process left. Throws {@link AddressTaken} when the path is in use, or is no socket. */
async function clearStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new AddressTaken(`${path} exists and is no socket: remove it, or choose another --api`);
  const state = await whoListens(path);
  if (state === 'alive')
    throw new AddressTaken(`something answers on ${path}: stop that agent, or choose another --api for this one`);
  if (state === 'dead') unlinkSync(path);
}

/**
 * Listens on a Unix socket of mode 0600, or 0660 of `group`, in a directory that is made with mode 0755 when missing.
 * A stale socket is replaced; a live one is refused with {@link AddressTaken}. Does not listen when it throws.
 */
export async function listenUnix(server: Server, path: string, group: number | undefined): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  await clearStale(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(errnoOf(error) === 'EADDRINUSE' ? new AddressTaken(`${path} was taken meanwhile`) : error),
    );
    server.once('listening', resolve);
    // bind(2) makes the file under the umask, within this call: it never is open to others, not for a moment.
    const umask = process.umask(0o177);
    try {
      server.listen({ path });
    } finally {
      process.umask(umask);
    }
  });
  if (group === undefined) return;
  try {
    chownSync(path, -1, group);
    chmodSync(path, 0o660);
  } catch (error) {
    server.close();
    const what = `${path} could not be given to the group ${group} (chown: ${errnoOf(error)})`;
    throw new Error(`${what}: that takes CAP_CHOWN, or membership of it`);
  }
}

/** Listens on an address and port; resolves to the port, which differs from the asked one when that is 0. */
export async function listenTcp(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        errnoOf(error) === 'EADDRINUSE'
          ? new AddressTaken(`port ${port} of ${host} is in use: stop what uses it, or choose another`)
          : error,
      ),
    );
    server.once('listening', resolve);
    server.listen({ host, port });
  });
  const bound = server.address();
  return bound !== null && typeof bound === 'object' ? bound.port : port;
}
