import { endpointSlice, type Manifest, service } from './objects.js';

export const hugeEndpoints = 10_000;
const slices = 10;

/** A Service of 10 000 endpoints at 10.96.0.1, in files of their own: by name. */
export function hugeService(): Readonly<Record<string, readonly Manifest[]>> {
  const head = service('huge', { addresses: ['10.96.0.1'], spec: { selector: undefined } });
  const parts = Array.from({ length: slices }, (_, index) => [`slice-${index}`, [hugeSlice(index)]] as const);
  return { huge: [head], ...Object.fromEntries(parts) };
}

/** A tenth of the endpoints; `unready`: one of them. */
export function hugeSlice(index: number, unready = -1): Manifest {
  const size = hugeEndpoints / slices;
  return endpointSlice(`huge-${index}`, {
    service: 'huge',
    ports: [{ name: 'main', port: 8080 }],
    endpoints: Array.from({ length: size }, (_, each) => {
      const number = index * size + each;
      return {
        addresses: [`10.1.${Math.floor(number / 200)}.${(number % 200) + 1}`],
        conditions: { ready: each !== unready },
      };
    }),
  });
}
