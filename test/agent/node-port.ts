import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port of the node that nobody listens at, below those that the kernel gives to connections. Processes begin to look at different ones. */
export async function freeNodePort(): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); port < 32_000; port++) if (await isFree(port)) return port;
  throw new Error('no port is free');
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port), 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}
