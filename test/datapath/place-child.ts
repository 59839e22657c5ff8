import { native } from '../../agent/kernel/native.js';
import { ProcessPlaces } from '../../agent/kernel/place-process.js';
import type { Pod } from '../../agent/model/mesh.js';

/* `place-child.js PROC UID`: prints its own process's number and the cookie of the namespace of that Pod's, or why there is none. */

const [proc = '', uid = ''] = process.argv.slice(2);
const places = new ProcessPlaces(proc, { monotonic: () => 0 });
const pod = { uid } as unknown as Pod;
places.look([pod]);
const found = places.find(pod);
process.stdout.write(`${process.pid} ${'why' in found ? found.why : native().netnsCookie(found.path)}\n`);
