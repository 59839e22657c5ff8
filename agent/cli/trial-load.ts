import { readFileSync } from 'node:fs';
import { native } from '../kernel/native.js';

const file = new URL('../../bpf/weft.bpf.o', import.meta.url);

/** Maps are loaded with this many entries: enough to learn whether they can be made. */
const fewEntries = 16;
/** `enum bpf_map_type` of <linux/bpf.h>. Rings need whole pages; socket storage has no size. */
const ring = 27;
const socketStorage = 24;

/** Loads the programs with small maps and closes them again, attached to nothing. Throws as the kernel refuses. */
export function tryPrograms(): { readonly programs: number; readonly maps: number } {
  const object = native().openObject(readFileSync(file), 'weft_doctor');
  try {
    const maps = object.maps();
    for (const { name, type, maxEntries } of maps)
      if (type !== ring && type !== socketStorage && maxEntries > fewEntries) object.setMaxEntries(name, fewEntries);
    object.load();
    return { programs: object.programs().length, maps: maps.length };
  } finally {
    object.close();
  }
}
