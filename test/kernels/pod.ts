import { createSocket, type Socket as Datagrams, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { native } from '../../agent/kernel/native.js';
import { datagramPort, servicePort, streamPort } from './ports.js';

/**
 * `pod.js CGROUP NETNS BACKEND…`: a program in a Pod. It answers at each BACKEND address, by TCP and by UDP, naming that
 * address, and calls Services as its parent tells it over the IPC channel. Client and servers are one process, because each start of
 * Node takes an emulated processor seconds.
 */
const [cgroup, netns, ...backends] = process.argv.slice(2);
if (!cgroup || !netns) throw new Error('usage: pod.js CGROUP NETNS BACKEND...');
writeFileSync(join(cgroup, 'cgroup.procs'), String(process.pid));
native().enterNetwork(netns);

/** A connection that was answered, or the errno's name with which it failed. */
export interface Call {
  /** `ADDRESS PORT` as getpeername says it. */
  readonly peer: string;
  /** The address that answered. */
  readonly backend: string;
  readonly error: string;
}

/** A datagram's answer: the sender as recvfrom says it, and the address that answered. */
export interface Answer {
  readonly from: string;
  readonly backend: string;
}

/** The call that failed, and how. */
export interface Refusal {
  readonly step: 'connect' | 'send' | 'receive' | 'none';
  readonly error: string;
  readonly milliseconds: number;
}

interface Connection {
  readonly socket: Socket;
  readonly peer: string;
  readonly backend: string;
}

const patienceMs = 20_000;
/** Between two calls of a storm: the agent that starts meanwhile needs the emulated processor too. */
const stormPauseMs = 50;

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

function within<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('no answer'), { code: 'no answer' })), patienceMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function dial(address: string): Promise<Connection> {
  const socket = connect({ host: address, port: servicePort });
  try {
    await within(once(socket, 'connect'));
    const peer = `${socket.remoteAddress} ${socket.remotePort}`;
    const [greeting] = (await within(once(socket, 'data'))) as [Buffer];
    socket.on('error', () => undefined);
    return { socket, peer, backend: greeting.toString().trim() };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function hangUp({ socket }: Connection): Promise<void> {
  if (socket.destroyed) return;
  const closed = once(socket, 'close');
  socket.end();
  socket.resume();
  await within(closed);
}

async function callOnce(address: string): Promise<Call> {
  try {
    const connection = await dial(address);
    await hangUp(connection);
    return { peer: connection.peer, backend: connection.backend, error: '' };
  } catch (error) {
    return { peer: '', backend: '', error: codeOf(error) };
  }
}

function datagrams(address: string): Datagrams {
  return createSocket(isIPv6(address) ? 'udp6' : 'udp4');
}

async function received(socket: Datagrams): Promise<{ readonly text: string; readonly sender: RemoteInfo }> {
  const [message, sender] = (await within(once(socket, 'message'))) as [Buffer, RemoteInfo];
  return { text: message.toString(), sender };
}

/** The steps of a datagram to `address`, by connect(2) and send(2), each of which may be the one that is refused. */
async function connectedSteps(
  socket: Datagrams,
  address: string,
  reach: (step: Refusal['step']) => void,
): Promise<void> {
  reach('connect');
  await new Promise<void>((resolve, reject) => {
    // Node calls back with an error although its types do not say so.
    const connected = (error?: Error): void => (error ? reject(error) : resolve());
    socket.connect(servicePort, address, connected);
  });
  reach('send');
  await new Promise<void>((resolve, reject) => socket.send('x', (error) => (error ? reject(error) : resolve())));
  reach('receive');
  await received(socket);
}

async function refusalOf(steps: (reach: (step: Refusal['step']) => void) => Promise<unknown>): Promise<Refusal> {
  const started = performance.now();
  let step: Refusal['step'] = 'none';
  try {
    await steps((next) => {
      step = next;
    });
    return { step: 'none', error: '', milliseconds: 0 };
  } catch (error) {
    return { step, error: codeOf(error), milliseconds: Math.round(performance.now() - started) };
  }
}

let held: Connection[] = [];
let heldDatagrams: { readonly socket: Datagrams; readonly ended: Promise<unknown> } | undefined;
let storm: { stop: boolean; readonly calls: Promise<readonly Call[]> } | undefined;

const verbs = {
  /** Calls one after the other. */
  async call(times: number, address: string): Promise<readonly Call[]> {
    const calls: Call[] = [];
    for (let i = 0; i < times; i++) calls.push(await callOnce(address));
    return calls;
  },

  /** Opens connections one after the other and keeps them. Returns which backend each has. */
  async hold(times: number, address: string): Promise<readonly string[]> {
    for (let i = 0; i < times; i++) held.push(await dial(address));
    return held.map(({ backend }) => backend);
  },

  /** Sends something over each kept connection and back. Returns over how many it came. */
  async exchange(): Promise<number> {
    let came = 0;
    for (const { socket } of held) {
      socket.write('ping');
      const [echo] = (await within(once(socket, 'data'))) as [Buffer];
      if (echo.toString() === 'ping') came += 1;
    }
    return came;
  },

  async release(): Promise<void> {
    await Promise.all(held.map(hangUp));
    held = [];
  },

  /** Resolves with the errno's name once the last kept connection broke. */
  async broken(): Promise<string> {
    const { socket } = held.at(-1)!;
    const [error] = socket.errored ? [socket.errored] : ((await within(once(socket, 'error'))) as [Error]);
    held.pop();
    return codeOf(error);
  },

  /** Calls until `endStorm`. */
  async startStorm(address: string): Promise<void> {
    const running = { stop: false };
    const run = async (): Promise<readonly Call[]> => {
      const calls: Call[] = [];
      while (!running.stop) {
        calls.push(await callOnce(address));
        await pause(stormPauseMs);
      }
      return calls;
    };
    storm = Object.assign(running, { calls: run() });
  },

  /** Returns how many calls there were, and the errors of those that failed. */
  async endStorm(): Promise<{ readonly calls: number; readonly errors: readonly string[] }> {
    storm!.stop = true;
    const calls = await storm!.calls;
    return { calls: calls.length, errors: calls.filter(({ error }) => error !== '').map(({ error }) => error) };
  },

  /** From one socket a datagram to each address, then their answers, `rounds` times. Answers are in the order of the addresses. */
  async ask(rounds: number, addresses: readonly string[]): Promise<readonly (readonly Answer[])[]> {
    const socket = datagrams(addresses[0]!);
    const all: Answer[][] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const answers: Answer[] = [];
        const come = new Promise<void>((resolve) => {
          let missing = addresses.length;
          const take = (message: Buffer, sender: RemoteInfo): void => {
            const [backend, index] = message.toString().split(' ');
            answers[Number(index)] = { from: `${sender.address} ${sender.port}`, backend: backend! };
            missing -= 1;
            if (missing > 0) return;
            socket.off('message', take);
            resolve();
          };
          socket.on('message', take);
        });
        addresses.forEach((address, index) => {
          socket.send(String(index), servicePort, address);
        });
        await within(come);
        all.push(answers);
      }
      return all;
    } finally {
      socket.close();
    }
  },

  /** Connects a datagram socket, keeps it, and asks once. */
  async askConnected(address: string): Promise<Answer & { readonly peer: string }> {
    const socket = datagrams(address);
    socket.connect(servicePort, address);
    await within(once(socket, 'connect'));
    const peer = socket.remoteAddress();
    socket.send('0');
    const { text, sender } = await received(socket);
    heldDatagrams?.socket.close();
    heldDatagrams = { socket, ended: once(socket, 'error') };
    return {
      peer: `${peer.address} ${peer.port}`,
      from: `${sender.address} ${sender.port}`,
      backend: text.split(' ')[0]!,
    };
  },

  /** Resolves with the errno's name once the kept datagram socket broke. */
  async datagramsBroken(): Promise<string> {
    const [error] = (await within(heldDatagrams!.ended)) as [Error];
    heldDatagrams!.socket.close();
    heldDatagrams = undefined;
    return codeOf(error);
  },

  /** How a Service without backends refuses. */
  async refusals(address: string): Promise<Readonly<Record<'tcp' | 'connected' | 'sendto', Refusal>>> {
    const tcp = await refusalOf(async (reach) => {
      reach('connect');
      await hangUp(await dial(address));
    });
    const connecting = datagrams(address);
    const connected = await refusalOf((reach) => connectedSteps(connecting, address, reach));
    connecting.close();
    const sending = datagrams(address);
    const sendto = await refusalOf(async (reach) => {
      reach('send');
      await new Promise<void>((resolve, reject) => {
        sending.send('x', servicePort, address, (error) => (error ? reject(error) : resolve()));
      });
      reach('receive');
      await received(sending);
    });
    sending.close();
    return { tcp, connected, sendto };
  },
};

export type Verbs = typeof verbs;

/** What the parent sends: a verb and its arguments. */
export interface Order {
  readonly verb: keyof Verbs;
  readonly words: readonly unknown[];
}

/** What comes back: a value, or why there is none. */
export interface Result {
  readonly value?: unknown;
  readonly error?: string;
}

function answer(result: Result): void {
  process.send!(result);
}

async function obey({ verb, words }: Order): Promise<void> {
  try {
    answer({ value: await (verbs[verb] as (...words: readonly unknown[]) => Promise<unknown>)(...words) });
  } catch (error) {
    answer({ error: `${codeOf(error)}: ${error instanceof Error ? error.stack : ''}` });
  }
}

async function serve(address: string): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(`${address}\n`);
    socket.on('data', (data) => socket.write(data));
  });
  server.listen(streamPort, address);
  const sockets = datagrams(address);
  sockets.on('message', (message, sender) => sockets.send(`${address} ${message}`, sender.port, sender.address));
  sockets.bind(datagramPort, address);
  await Promise.all([once(server, 'listening'), once(sockets, 'listening')]);
}

await Promise.all(backends.map(serve));
process.on('message', (order) => void obey(order as Order));
process.on('disconnect', () => process.exit(0));
answer({});
