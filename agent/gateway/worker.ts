import { Socket } from 'node:net';
import { addon } from '../addon.js';
import { systemClock } from '../clock.js';
import { MessageStream } from './message-stream.js';
import { brokerChannel, type FromWorker, listenerChannel, messageChannel, type ToWorker } from './messages.js';
import { Worker } from './serving.js';

/*
 * The gateway worker's process. It begins as root so that it can read this code, and gives everything up before the first byte from the network. The
 * agent's end is no reason to stop: what it last said is served until a later agent tells this process to end.
 */

/** nobody and nogroup. */
const unprivileged = 65_534;
/** How long requests in flight may take after SIGTERM, in ms. */
const drainMs = 30_000;

const descriptors = addon();

/** The descriptors that the next message on the other channel carries. */
function takeDescriptors(count: number): readonly number[] {
  const received = descriptors.receiveDescriptors(listenerChannel, 64, 1_000);
  if (received === null || received.fds.length !== count)
    throw new Error(`${count} listening sockets were announced, ${received?.fds.length ?? 0} came`);
  return received.fds;
}

/** Its end of the channel to the broker that is there now. */
let broker: number = brokerChannel;

function replaceBroker(): void {
  const [other] = takeDescriptors(1);
  descriptors.closeFd(broker);
  broker = other!;
}

// `manualStart`: without it bytes that are there already can get lost (net.Socket on Node 20).
const agent = new Socket({
  fd: messageChannel,
  readable: true,
  writable: true,
  manualStart: true,
} as ConstructorParameters<typeof Socket>[0]);

const worker = new Worker({
  clock: systemClock,
  random: Math.random,
  blanks: (namespace, family, count) => descriptors.blankSockets(broker, namespace, family, count),
  tell: (message) => messages.send(message),
  isAgentBehind: () => messages.isFull,
  log: (line) => process.stdout.write(`${line}\n`),
});

function take(message: ToWorker): void {
  switch (message.type) {
    case 'snapshot':
      worker.replace(message.snapshot);
      break;
    case 'delta':
      worker.change(message.generation, message.delta);
      break;
    case 'open-mesh':
      worker.openMesh(message.pod, message.id, takeDescriptors(message.descriptors));
      break;
    case 'close-mesh':
      worker.closeMesh(message.pod);
      break;
    case 'open-ingress':
      worker.openIngress(message.port, takeDescriptors(message.descriptors));
      break;
    case 'close-ingress':
      worker.closeIngress(message.port);
      break;
    case 'broker':
      replaceBroker();
      break;
    case 'records':
      worker.followRecords(message.on);
  }
}

process.on('SIGINT', () => undefined);
process.on('SIGHUP', () => undefined);
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
process.once('SIGTERM', () => {
  systemClock.after(drainMs, () => process.exit(0));
  worker.drain().then(() => process.exit(0));
});

descriptors.lockDown({ uid: unprivileged, gid: unprivileged });
const messages = new MessageStream(agent, { onMessage: (message) => take(message as ToWorker) });
messages.send({ type: 'ready' } satisfies FromWorker);
