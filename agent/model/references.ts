import type { Catalog } from './catalog.js';
import { quote } from './findings.js';
import type { GatewayScope } from './gateway-scope.js';
import { type Deployment, type EndpointSlice, keyOf, type MeshObject, type Pod, type Service } from './mesh.js';
import type { Finding } from './problem.js';
import { type ProblemCode, problemCodes } from './problem-codes.js';
import { checkRouting } from './routing-references.js';

/** A finding of an object, to be located by its origin. */
export interface ObjectFinding extends Finding {
  readonly object: MeshObject;
}

/** What is wrong with what rules refer to: a part of {@link checkReferences} that takes no longer where there are few rules. */
export function checkRules(catalog: Catalog, scope: GatewayScope): readonly ObjectFinding[] {
  const found: ObjectFinding[] = [];
  checkRouting(catalog, scope, (object, code, path, message) => report(found, object, code, path, message));
  return found;
}

/** What is wrong between objects: references to nothing (WEFT04xx) and claims to the same thing (WEFT05xx). */
export function checkReferences(catalog: Catalog, scope: GatewayScope): readonly ObjectFinding[] {
  const found: ObjectFinding[] = [];
  checkServices(found, catalog, scope.directoryMode);
  for (const slice of catalog.slices()) checkSlice(found, catalog, slice);
  for (const deployment of catalog.deployments()) checkDeployment(found, catalog, deployment);
  checkPods(found, catalog);
  found.push(...checkRules(catalog, scope));
  return found;
}

function report(found: ObjectFinding[], object: MeshObject, code: ProblemCode, path: string, message: string): void {
  found.push({ object, code, severity: problemCodes[code].severity, path, message, fix: problemCodes[code].fix });
}

function checkDeployment(found: ObjectFinding[], catalog: Catalog, deployment: Deployment): void {
  if (catalog.servicesSelectingLabels(deployment.meta.namespace, deployment.podLabels).length > 0) return;
  report(found, deployment, 'WEFT0405', 'spec.template.metadata.labels', 'no Service selects these labels');
}

function checkServices(found: ObjectFinding[], catalog: Catalog, directoryMode: boolean): void {
  const claims = new Map<string, Service>();
  for (const service of catalog.services()) {
    claimPorts(found, catalog, claims, service);
    if (service.headless || service.type === 'ExternalName' || service.entry !== undefined) continue;
    const key = keyOf(service);
    if (catalog.slicesOf(key).length > 0) continue;
    if (service.selector === undefined) {
      report(found, service, 'WEFT0403', 'spec', 'has neither a selector nor an EndpointSlice');
      continue;
    }
    // From an API server EndpointSlices say who is behind a Service; its controller is late, not the user.
    if (directoryMode) checkSelected(found, catalog, service);
  }
}

function checkSelected(found: ObjectFinding[], catalog: Catalog, service: Service): void {
  const pods = catalog.podsMatching(service).filter((pod) => !pod.finished);
  if (pods.length === 0) {
    report(found, service, 'WEFT0403', 'spec.selector', `matches no Pod of the namespace ${service.meta.namespace}`);
    return;
  }
  for (const [index, port] of service.ports.entries()) {
    const name = port.targetPort;
    if (typeof name === 'number') continue;
    const named = (pod: Pod) => pod.ports.some((each) => each.name === name && each.protocol === port.protocol);
    if (pods.some(named)) continue;
    report(
      found,
      service,
      'WEFT0404',
      `spec.ports[${index}].targetPort`,
      `no container of the selected Pods has a port ${quote(name)}`,
    );
  }
}

/** Of several Services the first by NS/NAME has an address, port and protocol; the others are told. */
function claimPorts(found: ObjectFinding[], catalog: Catalog, claims: Map<string, Service>, service: Service): void {
  for (const address of service.addresses) {
    for (const [index, port] of service.ports.entries()) {
      const claim = `${address} ${port.port}/${port.protocol}`;
      const other = claims.get(claim);
      if (other === undefined) {
        claims.set(claim, service);
        continue;
      }
      const [winner, loser] = keyOf(other) < keyOf(service) ? [other, service] : [service, other];
      claims.set(claim, winner);
      const ofService = loser === service ? `spec.ports[${index}].port` : 'spec.clusterIP';
      const path = loser.entry === undefined ? ofService : 'spec.addresses';
      const message = `${claim} is also claimed by ${titleOf(winner)}, which has it`;
      report(found, catalog.written(loser), 'WEFT0503', path, message);
    }
  }
}

function titleOf(service: Service): string {
  return service.entry === undefined ? `Service ${keyOf(service)}` : `ServiceEntry ${service.entry.key}`;
}

function checkSlice(found: ObjectFinding[], catalog: Catalog, slice: EndpointSlice): void {
  const label = 'metadata.labels["kubernetes.io/service-name"]';
  if (slice.service === '') {
    report(found, slice, 'WEFT0406', 'metadata.labels', 'has no label kubernetes.io/service-name');
  } else if (catalog.service(`${slice.meta.namespace}/${slice.service}`) === undefined) {
    report(found, slice, 'WEFT0406', label, `there is no Service ${slice.meta.namespace}/${slice.service}`);
  }
}

function checkPods(found: ObjectFinding[], catalog: Catalog): void {
  const namespaces = new Map<string, Pod>();
  for (const pod of catalog.pods()) {
    if (pod.finished || pod.hostNetwork) continue;
    for (const address of pod.addresses) {
      const owner = catalog.podByAddress(address);
      if (owner === undefined || owner === pod || owner.terminating || pod.terminating) continue;
      report(found, pod, 'WEFT0504', 'status.podIP', `${address} is also the address of Pod ${keyOf(owner)}`);
    }
    if (pod.netns === '') continue;
    const other = namespaces.get(pod.netns);
    if (other === undefined || keyOf(pod) < keyOf(other)) namespaces.set(pod.netns, pod);
    if (other === undefined) continue;
    const [winner, loser] = keyOf(other) < keyOf(pod) ? [other, pod] : [pod, other];
    const path = 'metadata.annotations["weft.dev/netns"]';
    report(found, loser, 'WEFT0505', path, `${quote(pod.netns)} is also the network namespace of Pod ${keyOf(winner)}`);
  }
}
