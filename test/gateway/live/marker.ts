import { eventually, type Site } from '../../agent/site.js';
import type { Client } from './client.js';

const address = '10.96.0.100';

/** The Service whose answer tells which rules are in force. */
export const markerService: string = `apiVersion: v1
kind: Service
metadata: { name: marker, namespace: default }
spec: { clusterIP: ${address}, ports: [{ name: http, port: 80 }] }
`;

function ruleThatAnswers(text: string): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: marker, namespace: default }
spec: { hosts: [marker], http: [{ directResponse: { status: 200, body: { string: "${text}" } } }] }
`;
}

/** Changes rules and knows when they are in force: with them comes a rule of which a client sees that it is new. A snapshot takes effect as a whole. */
export class Marker {
  readonly #client: Client;
  #shown = 0;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Makes these (YAML) the whole of `rules.yaml`, beside the marker. */
  async show(site: Site, manifests: string): Promise<void> {
    const text = `rules ${++this.#shown}`;
    site.writeText('rules.yaml', [manifests, ruleThatAnswers(text)].filter((part) => part !== '').join('---\n'));
    await eventually(
      () => this.#client.ask({ address, port: 80, headers: { host: 'marker' } }),
      ({ body }) => body === text,
      20_000,
    );
  }
}
