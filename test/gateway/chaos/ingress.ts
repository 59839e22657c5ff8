import type { Manifest } from '../../agent/objects.js';

/** A port of the node that leads to a Service of namespace default, and a rule that binds the Service's own HTTP port to the mesh's gateway. */
export function ingressOf(name: string, port: number): readonly Manifest[] {
  const metadata = { name, namespace: 'default' };
  return [
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata,
      spec: {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: port, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }],
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata,
      spec: {
        hosts: ['*'],
        gateways: [name],
        http: [{ route: [{ destination: { host: name, port: { number: 80 } } }] }],
      },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: `${name}-mesh`, namespace: 'default' },
      spec: {
        hosts: [name],
        http: [
          {
            headers: { response: { set: { 'x-gateway': 'yes' } } },
            route: [{ destination: { host: name, port: { number: 80 } } }],
          },
        ],
      },
    },
  ];
}
