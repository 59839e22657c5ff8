import { strict as assert } from 'node:assert';
import { mkdirSync, readFileSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type NativeObject, native } from '../../../agent/kernel/native.js';
import type { Check } from '../check.js';
import { kernelIsAtLeast } from './features.js';

const objectFile = join(import.meta.dirname, '..', '..', '..', 'bpf', 'weft.bpf.o');
const cgroup = '/sys/fs/cgroup/programs';
const pins = '/sys/fs/bpf/programs';

/** The datapath's own object, without the agent: the verifier of each kernel must take every program in it. */
export function programChecks(): readonly Check[] {
  let object: NativeObject | undefined;
  return [
    {
      name: 'every program loads',
      run(report) {
        const started = performance.now();
        object = loaded(() => true);
        report.measure('load of all programs', Math.round(performance.now() - started), 'ms');
        return undefined;
      },
    },
    {
      name: 'every program attaches by a pinned link, in which one can be replaced',
      run() {
        assert.ok(object, 'the programs did not load');
        mkdirSync(cgroup);
        mkdirSync(pins);
        const next = loaded((name) => name === 'weft_getpeername4');
        try {
          for (const { name, section } of object.programs().filter((each) => each.section !== 'sk_lookup')) {
            const link = object.program(name).attachCgroup(cgroup);
            link.pin(join(pins, name));
            link.close();
            const again = native().openLink(join(pins, name));
            assert.equal(again.info().programId, object.program(name).info().id, section);
            if (name === 'weft_getpeername4') {
              again.update(next.program(name));
              assert.equal(again.info().programId, next.program(name).info().id, section);
            }
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
}

/** The programs that `isWanted` names, in the kernel. */
function loaded(isWanted: (program: string) => boolean): NativeObject {
  const object = native().openObject(readFileSync(objectFile), 'weft');
  const flag = Buffer.alloc(4);
  flag.writeUInt32LE(kernelIsAtLeast(5, 18) ? 1 : 0);
  object.setVariable('has_set_retval', flag);
  for (const { name } of object.programs()) if (!isWanted(name)) object.skip(name);
  object.load();
  return object;
}
