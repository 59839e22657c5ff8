import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type NativeObject, native } from '../../../agent/kernel/native.js';
import type { Check, Report } from '../check.js';
import { kernelIsAtLeast } from './features.js';

const objectFile = join(import.meta.dirname, '..', '..', '..', 'bpf', 'weft.bpf.o');
const cgroup = '/sys/fs/cgroup/programs';
const pins = '/sys/fs/bpf/programs';

/** The datapath's own object, without the agent: the verifier of each kernel must take every program in it. */
export const programChecks: readonly Check[] = [
  {
    name: 'every program loads',
    run(report: Report) {
      const started = performance.now();
      const object = loaded();
      report.measure('load of all programs', Math.round(performance.now() - started), 'ms');
      object.close();
      return undefined;
    },
  },
  {
    name: 'every program attaches by a pinned link, in which it can be replaced',
    run() {
      const object = loaded();
      const next = loaded();
      mkdirSync(cgroup);
      mkdirSync(pins);
      try {
        for (const { name, section } of object.programs()) {
          const link = object.program(name).attachCgroup(cgroup);
          link.pin(join(pins, name));
          link.close();
          const again = native().openLink(join(pins, name));
          assert.equal(again.info().programId, object.program(name).info().id, section);
          again.update(next.program(name));
          assert.equal(again.info().programId, next.program(name).info().id, section);
          again.close();
          unlinkSync(join(pins, name));
        }
      } finally {
        next.close();
        object.close();
        rmdirSync(pins);
        rmdirSync(cgroup);
      }
      return undefined;
    },
  },
];

function loaded(): NativeObject {
  const object = native().openObject(readFileSync(objectFile), 'weft');
  const flag = Buffer.alloc(4);
  flag.writeUInt32LE(kernelIsAtLeast(5, 18) ? 1 : 0);
  object.setVariable('has_set_retval', flag);
  object.load();
  return object;
}
