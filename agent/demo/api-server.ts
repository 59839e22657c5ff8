import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '../clock.js';
import type { ApiAnswer, ApiOrder } from './api-orders.js';
import { ApiServer } from './kubernetes/api-server.js';
import type { KubernetesObject } from './kubernetes/stored.js';

/*
 * A Kubernetes API server, a process of its own: `api-server.js FOLDER`, where its certificates are made. Each line of its standard input
 * is an {@link ApiOrder}, and is answered by an {@link ApiAnswer}; it ends with its input.
 */

const server = new ApiServer({ folder: process.argv[2] ?? '', clock: systemClock });
let address = '';

/** Returns the object that was asked for, else null. */
async function obey(order: ApiOrder): Promise<KubernetesObject | null> {
  if ('get' in order) return server.get(order.get.resource, order.get.namespace, order.get.name) ?? null;
  if ('close' in order) await server.close();
  else if ('listen' in order) {
    await server.listen();
    address = server.url;
    writeFileSync(order.listen.kubeconfig, server.kubeconfig(), { mode: 0o600 });
  } else {
    for (const write of order.write) {
      if ('apply' in write) server.apply(write.apply);
      else server.delete(write.remove.resource, write.remove.namespace, write.remove.name);
    }
  }
  return null;
}

async function answer(line: string): Promise<void> {
  const outcome = await obey(JSON.parse(line) as ApiOrder).then(
    (object) => ({ failure: '', object }),
    (error: Error) => ({ failure: error.message, object: null }),
  );
  process.stdout.write(`${JSON.stringify({ ...outcome, address } satisfies ApiAnswer)}\n`);
}

let last: Promise<void> = Promise.resolve();
const orders = createInterface({ input: process.stdin });
orders.on('line', (line) => {
  last = last.then(() => answer(line));
});
orders.on('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
