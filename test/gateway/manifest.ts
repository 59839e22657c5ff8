/** Texts that many rows have in common: only the part that a row is about is written in it. */

/** A VirtualService for reviews in the mesh; `http`: the list, indented by nothing. */
export function virtualService(http: string, more = '', name = 'reviews'): string {
  return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec:
${indented(more === '' ? 'hosts: [reviews]' : more)}
  http:
${indented(http)}
`;
}

/** First what `match` says to v2, else to v1. */
export function matched(match: string): string {
  return virtualService(`- match:
  - ${match}
  route: [{ destination: { host: reviews, subset: v2 } }]
- route: [{ destination: { host: reviews, subset: v1 } }]`);
}

/** An only rule to v1, and what `rule` says beside it. */
export function only(rule: string): string {
  return virtualService(`- ${rule.replaceAll('\n', '\n  ')}
  route: [{ destination: { host: reviews, subset: v1 } }]`);
}

/** An HTTPRoute bound to the Service reviews. */
export function httpRoute(rules: string, more = '', name = 'reviews', namespace = 'default'): string {
  return route('HTTPRoute', rules, more, name, namespace, 'reviews');
}

/** A GRPCRoute bound to the Service calls. */
export function grpcRoute(rules: string, more = '', name = 'calls', service = 'calls'): string {
  return route('GRPCRoute', rules, more, name, 'default', service);
}

function route(kind: string, rules: string, more: string, name: string, namespace: string, service: string): string {
  const parent = `parentRefs: [{ group: '', kind: Service, name: ${service}, namespace: default }]`;
  return `apiVersion: gateway.networking.k8s.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: ${namespace} }
spec:
${indented(more === '' ? parent : more)}
  rules:
${indented(rules)}
`;
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
}
