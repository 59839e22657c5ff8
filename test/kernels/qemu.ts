import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type GuestRecord, parseRecord } from './record.js';

export interface BootOptions {
  /** The compressed kernel. */
  readonly image: string;
  readonly initramfs: string;
  /** Where the kernel's console is written. */
  readonly console: string;
  /** Milliseconds from the start until the guest's first record. */
  readonly bootLimit: number;
  /** Milliseconds without a record after which a running guest counts as hung. */
  readonly silenceLimit: number;
  /** Milliseconds a guest may take altogether. */
  readonly limit: number;
}

/** How a boot ended. Only `no-init` is the emulator's or the kernel's affair; after `init` the rest is under test. */
export type BootEnd = 'done' | 'no-init' | 'died' | 'silent' | 'too-long';

export interface Boot {
  readonly end: BootEnd;
  /** Seconds until the guest's first record; null when there was none. */
  readonly bootSeconds: number | null;
  readonly records: readonly GuestRecord[];
}

/**
 * Boots with `bootOnce` until the guest's init has run, at most `attempts` times. Linux 6.12 crashed in 6 of 40 boots under
 * emulation before its init; what init starts is under test and runs once.
 */
export async function bootUntilInit(
  bootOnce: () => Promise<Boot>,
  attempts: number,
): Promise<{ readonly boot: Boot; readonly attempts: number }> {
  for (let attempt = 1; ; attempt++) {
    const boot = await bootOnce();
    if (boot.end !== 'no-init' || attempt === attempts) return { boot, attempts: attempt };
  }
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * Boots one guest in QEMU by software emulation, without any network device, and gathers its records until it powers off or a
 * limit is reached. The guest is gone when this resolves.
 */
export async function boot(options: BootOptions): Promise<Boot> {
  const started = performance.now();
  const child = spawn('qemu-system-x86_64', qemuArguments(options), { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child, 'spawn');
  running.add(child);
  const exited = once(child, 'exit');
  const records: GuestRecord[] = [];
  let bootSeconds: number | null = null;
  let stopped: BootEnd | null = null;
  const stop = (end: BootEnd): void => {
    stopped ??= end;
    child.kill('SIGKILL');
  };
  let silence = setTimeout(stop, options.bootLimit, 'no-init');
  const whole = setTimeout(stop, options.limit, 'too-long');
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      const record = parseRecord(line.trimEnd());
      if (record === null) continue;
      bootSeconds ??= (performance.now() - started) / 1000;
      records.push(record);
      clearTimeout(silence);
      silence = setTimeout(stop, options.silenceLimit, record.kind === 'done' ? 'done' : 'silent');
    }
    await exited;
  } finally {
    clearTimeout(silence);
    clearTimeout(whole);
    child.kill('SIGKILL');
    running.delete(child);
  }
  const done = records.at(-1)?.kind === 'done';
  return { end: done ? 'done' : bootSeconds === null ? 'no-init' : (stopped ?? 'died'), bootSeconds, records };
}

/**
 * An oops is a panic and a panic ends QEMU. The first serial port is the console, the second QEMU's output; KVM is not used, because nested
 * it hangs on some machines.
 */
function qemuArguments(options: BootOptions): readonly string[] {
  const kernel = ['console=ttyS0', 'quiet', 'panic=-1', 'oops=panic', 'rdinit=/init', 'random.trust_cpu=on'];
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-nic', 'none'],
    ...['-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2', '-m', '2048'],
    ...['-serial', `file:${options.console}`, '-serial', 'stdio'],
    ...['-kernel', options.image, '-initrd', options.initramfs, '-append', kernel.join(' ')],
  ];
}
