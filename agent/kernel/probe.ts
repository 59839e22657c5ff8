import { readFileSync } from 'node:fs';
import { native } from './native.js';

/** What this kernel can do beyond the least that Weft needs (5.10), found out by trying. */
export interface Features {
  /** bpf_set_retval in sock_addr programs (5.18): a refusal is the exact errno. */
  readonly setRetval: boolean;
  /** SO_NETNS_COOKIE (5.14). */
  readonly netnsCookie: boolean;
}

const probeObject = new URL('../../bpf/probe.bpf.o', import.meta.url);

/** Loads one program of the probe object; the caller closes. Throws as the kernel refuses. */
export function loadProbe(program: string): ReturnType<ReturnType<typeof native>['openObject']> {
  const object = native().openObject(readFileSync(probeObject), 'weft_probe');
  for (const each of object.programs()) if (each.name !== program) object.skip(each.name);
  object.load();
  return object;
}

function loads(program: string): boolean {
  try {
    loadProbe(program).close();
    return true;
  } catch {
    return false;
  }
}

let probed: Features | undefined;

/** Probed once a process. */
export function features(): Features {
  probed ??= { setRetval: loads('weft_probe_set_retval'), netnsCookie: hasNetnsCookie() };
  return probed;
}

function hasNetnsCookie(): boolean {
  try {
    native().netnsCookie('/proc/self/ns/net');
    return true;
  } catch {
    return false;
  }
}
