import { strict as assert } from 'node:assert';
import type { Check } from '../check.js';
import { addresses, web } from '../mesh.js';
import { servicePort } from '../ports.js';
import type { Site } from '../site.js';

/** Names and picks of datagrams. */
export function udpChecks(site: Site): readonly Check[] {
  const families = [
    ['IPv4', (name: (typeof addresses.names)[number]) => name.four, web.map(({ four }) => four)],
    ['IPv6', (name: (typeof addresses.names)[number]) => name.six, web.map(({ six }) => six)],
    ['IPv4-mapped', (name: (typeof addresses.names)[number]) => `::ffff:${name.four}`, web.map(({ four }) => four)],
  ] as const;
  return [
    {
      name: 'one socket, three Services: each reply comes from the right name, each pick sticks (IPv4, IPv6, IPv4-mapped)',
      async run() {
        for (const [family, addressOf, backends] of families) {
          const services = addresses.names.map(addressOf);
          const rounds = await site.client.run('ask', 4, services);
          for (const answers of rounds) {
            assert.deepEqual(
              answers.map(({ from }) => from),
              services.map((address) => `${address} ${servicePort}`),
              family,
            );
            assert.deepEqual(answers, rounds[0], `${family}: a pick moved`);
          }
          assert.deepEqual(
            rounds[0]!.map(({ backend }) => backend).sort(),
            [...backends].sort(),
            `${family}: a backend is shared`,
          );
        }
      },
    },
    {
      name: 'connected UDP: recvfrom and getpeername name the Service (IPv4, IPv6, IPv4-mapped)',
      async run() {
        for (const [family, addressOf] of families) {
          const address = addressOf(addresses.names[0]);
          const { from, peer } = await site.client.run('askConnected', address);
          const name = `${address} ${servicePort}`;
          assert.deepEqual([from, peer], [name, name], family);
        }
      },
    },
  ];
}
