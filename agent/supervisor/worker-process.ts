import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { SnapshotDelta } from '../compile/delta.js';
import type { Snapshot } from '../compile/snapshot.js';
import { MessageStream } from '../gateway/message-stream.js';
import { type FromWorker, messageChannel, type ToWorker } from '../gateway/messages.js';
import { longestMessage, readWorkerMessage } from './worker-message.js';

export const workerPath: string = fileURLToPath(new URL('../gateway/worker.js', import.meta.url));

/** How the young and the old generation of a worker's heap are bounded, in MiB: what it buffers of bodies is outside. */
const heapOptions: readonly string[] = ['--max-semi-space-size=8', '--max-old-space-size=192'];

export interface WorkerEvents {
  readonly onMessage: (message: FromWorker) => void;
  /** It says what no worker says; it is to be ended. */
  readonly onFault: (why: string) => void;
  /** `why`: exit code or signal. */
  readonly onExit: (why: string) => void;
}

export interface WorkerDescriptors {
  /** The worker's ends of the two channels; closed here once it has them. */
  readonly listeners: number;
  readonly broker: number;
}

/**
 * One gateway worker as the agent sees it. It starts as root, so that it can read the code, and gives everything up before it takes a connection.
 * In a session of its own: a terminal's Ctrl-C is the agent's affair.
 */
export class WorkerProcess {
  readonly #child: ChildProcess;
  /** Undefined when it could not be started. */
  #messages: MessageStream | undefined;
  /** A snapshot is on its way; what changes meanwhile goes as a whole after it. */
  #sending = false;
  #behind: (() => Snapshot) | undefined;

  /** `mark`: an argument by which a later agent finds workers that were left behind. `path`: what is run. */
  constructor(mark: string, descriptors: WorkerDescriptors, events: WorkerEvents, path: string = workerPath) {
    this.#child = spawn(process.execPath, [...heapOptions, path, mark], {
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', descriptors.listeners, descriptors.broker],
      detached: true,
      env: { TZ: process.env.TZ },
    });
    const socket = this.#child.stdio?.[messageChannel] as Socket | null | undefined;
    if (socket) this.#messages = streamOf(socket, events);
    // `error` without `exit`: it could not be started.
    let ended = false;
    const end = (why: string): void => {
      if (ended) return;
      ended = true;
      events.onExit(why);
    };
    this.#child.on('error', (error) => {
      if (this.#child.pid === undefined) end(error.message);
    });
    this.#child.on('exit', (code, signal) => end(signal ?? `code ${code}`));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Lost when the worker is gone; whoever replaces it gets everything again. */
  send(message: ToWorker, sent: () => void = () => undefined): void {
    this.#messages?.send(message, sent);
  }

  /** At most one configuration is under way: when several changes come meanwhile, the last snapshot goes whole. */
  configure(delta: SnapshotDelta | undefined, snapshot: () => Snapshot): void {
    if (this.#sending) {
      this.#behind = snapshot;
      return;
    }
    this.#sending = true;
    const whole = snapshot();
    const message: ToWorker =
      delta === undefined
        ? { type: 'snapshot', snapshot: whole }
        : { type: 'delta', generation: whole.generation, delta };
    this.send(message, () => {
      this.#sending = false;
      const behind = this.#behind;
      this.#behind = undefined;
      if (behind !== undefined) this.configure(undefined, behind);
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

function streamOf(socket: Socket, events: WorkerEvents): MessageStream {
  return new MessageStream(socket, {
    mostBytes: longestMessage,
    onMessage: (value) => {
      const message = readWorkerMessage(value);
      if (message === undefined) events.onFault('a message is of no kind that is known');
      else events.onMessage(message);
    },
    onFault: events.onFault,
  });
}
