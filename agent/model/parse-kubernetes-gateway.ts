import { choiceOf, labelsOf, mappingOf, mappingsOf, numberOf, textOf, textsOf } from './checked.js';
import { at, fieldOf, type Raw } from './fields.js';
import { child, type Findings, quote } from './findings.js';
import type {
  AllowedRoutes,
  GatewayClass,
  GatewayListener,
  KubernetesGateway,
  LabelSelector,
  ListenerTls,
  ReferenceGrant,
} from './kubernetes-gateway.js';
import type { Metadata } from './mesh.js';
import { isName, nameForms } from './names.js';
import { checkShape } from './schema.js';
import * as gatewayApi from './schema-gatewayapi.js';

/** gateway.networking.k8s.io GatewayClass, Gateway and ReferenceGrant, with the checks of their CRDs. */

export function parseGatewayClass(found: Findings, raw: Raw, meta: Metadata): GatewayClass | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, gatewayApi.gatewayClass, 'spec');
  if (found.malformed) return undefined;
  return { kind: 'GatewayClass', meta, controllerName: textOf(spec, 'controllerName') ?? '' };
}

export function parseReferenceGrant(found: Findings, raw: Raw, meta: Metadata): ReferenceGrant | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, gatewayApi.referenceGrant, 'spec');
  if (found.malformed) return undefined;
  return {
    kind: 'ReferenceGrant',
    meta,
    from: mappingsOf(spec, 'from').map((entry) => ({
      group: textOf(entry, 'group') ?? '',
      kind: textOf(entry, 'kind') ?? '',
      namespace: textOf(entry, 'namespace') ?? '',
    })),
    to: mappingsOf(spec, 'to').map((entry) => ({
      group: textOf(entry, 'group') ?? '',
      kind: textOf(entry, 'kind') ?? '',
      name: textOf(entry, 'name'),
    })),
  };
}

export function parseKubernetesGateway(found: Findings, raw: Raw, meta: Metadata): KubernetesGateway | undefined {
  const spec = (fieldOf(raw, 'spec') ?? {}) as Raw;
  checkShape(found, spec, gatewayApi.gateway, 'spec');
  if (found.malformed) return undefined;
  const listeners = mappingsOf(spec, 'listeners').map((listener, index) =>
    readListener(found, listener, at('spec.listeners', index), meta.namespace),
  );
  checkDistinct(found, listeners);
  return { kind: 'KubernetesGateway', meta, gatewayClassName: textOf(spec, 'gatewayClassName') ?? '', listeners };
}

function checkDistinct(found: Findings, listeners: readonly GatewayListener[]): void {
  if (listeners.length === 0) found.error('WEFT0208', 'spec.listeners', 'needs at least one listener');
  const seen = new Set<string>();
  for (const [index, { name, port, protocol, hostname }] of listeners.entries()) {
    const path = at('spec.listeners', index);
    if (seen.has(name)) found.error('WEFT0211', `${path}.name`, `there is a listener ${quote(name)} already`);
    const claim = `${port} ${protocol} ${hostname ?? ''}`;
    if (seen.has(claim)) found.error('WEFT0211', path, 'has the port, protocol and hostname of another one');
    seen.add(name);
    seen.add(claim);
  }
}

function readListener(found: Findings, raw: Raw, path: string, namespace: string): GatewayListener {
  const name = textOf(raw, 'name') ?? '';
  if (!isName('subdomain', name)) {
    found.error('WEFT0204', `${path}.name`, `must be ${nameForms.subdomain}, not ${quote(name)}`);
  }
  const protocol = readProtocol(found, raw, path);
  const hostname = textOf(raw, 'hostname');
  if (hostname !== undefined && protocol === 'TCP') {
    found.error('WEFT0212', `${path}.hostname`, 'the protocol TCP has no host names');
  }
  const tls = readListenerTls(found, mappingOf(raw, 'tls'), `${path}.tls`, namespace);
  checkEncryption(found, protocol, tls, path);
  return {
    name,
    hostname: hostname?.toLowerCase(),
    port: numberOf(raw, 'port')!,
    protocol,
    tls,
    allowedRoutes: readAllowed(found, mappingOf(raw, 'allowedRoutes'), `${path}.allowedRoutes`),
  };
}

const protocols = ['HTTP', 'HTTPS', 'TLS', 'TCP'] as const;

function readProtocol(found: Findings, raw: Raw, path: string): GatewayListener['protocol'] {
  const written = textOf(raw, 'protocol') ?? '';
  const protocol = protocols.find((each) => each === written);
  if (protocol === undefined) {
    found.warning('WEFT0307', `${path}.protocol`, `a listener of ${quote(written)} is left alone`);
  } else if (protocol === 'TLS' || protocol === 'TCP') {
    found.warning('WEFT0312', `${path}.protocol`, `Weft reads no kind of route for the protocol ${protocol}`);
  }
  return protocol ?? 'unsupported';
}

function checkEncryption(
  found: Findings,
  protocol: GatewayListener['protocol'],
  tls: ListenerTls | undefined,
  path: string,
): void {
  if (protocol === 'HTTPS') {
    if (tls === undefined) found.error('WEFT0208', `${path}.tls`, 'the protocol HTTPS needs it');
    else if (tls.mode !== 'Terminate') found.error('WEFT0212', `${path}.tls.mode`, 'HTTPS is always terminated');
  } else if (tls !== undefined && (protocol === 'HTTP' || protocol === 'TCP')) {
    found.error('WEFT0212', `${path}.tls`, `the protocol ${protocol} is not encrypted`);
  }
}

function readListenerTls(
  found: Findings,
  raw: Raw | undefined,
  path: string,
  namespace: string,
): ListenerTls | undefined {
  if (raw === undefined) return undefined;
  const mode = choiceOf<ListenerTls['mode']>(raw, 'mode') ?? 'Terminate';
  const certificateRefs = mappingsOf(raw, 'certificateRefs').map((reference, index) => {
    const group = textOf(reference, 'group') ?? '';
    const kind = textOf(reference, 'kind') ?? 'Secret';
    if (group !== '' || kind !== 'Secret') {
      found.warning('WEFT0413', at(`${path}.certificateRefs`, index), `${quote(kind)} is no Secret of the core group`);
    }
    return {
      group,
      kind,
      namespace: textOf(reference, 'namespace') ?? namespace,
      name: textOf(reference, 'name') ?? '',
    };
  });
  if (mode === 'Terminate' && certificateRefs.length === 0) {
    found.error('WEFT0208', `${path}.certificateRefs`, 'terminating TLS needs a certificate');
  }
  const options = labelsOf(raw, 'options');
  for (const name of Object.keys(options)) {
    found.warning('WEFT0303', child(`${path}.options`, name), 'is not enforced by this version');
  }
  return { mode, certificateRefs, options };
}

function readAllowed(found: Findings, raw: Raw | undefined, path: string): AllowedRoutes {
  const namespaces = mappingOf(raw, 'namespaces');
  const from = choiceOf<'All' | 'Same' | 'None' | 'Selector'>(namespaces, 'from') ?? 'Same';
  const kinds = mappingsOf(raw, 'kinds').map((entry) => ({
    group: (fieldOf(entry, 'group') as string | undefined) ?? 'gateway.networking.k8s.io',
    kind: textOf(entry, 'kind') ?? '',
  }));
  if (from !== 'Selector') return { namespaces: { from }, kinds };
  const place = `${path}.namespaces.selector`;
  const selector = mappingOf(namespaces, 'selector');
  if (selector === undefined) found.error('WEFT0208', place, 'from: Selector needs it');
  return { namespaces: { from, selector: readSelector(found, selector, place) }, kinds };
}

/** meta/v1 LabelSelector; an empty one selects all. */
function readSelector(found: Findings, raw: Raw | undefined, path: string): LabelSelector {
  const matchExpressions = mappingsOf(raw, 'matchExpressions').map((entry, index) => {
    const place = `${at(`${path}.matchExpressions`, index)}.values`;
    const operator = choiceOf<LabelSelector['matchExpressions'][number]['operator']>(entry, 'operator')!;
    const values = textsOf(entry, 'values');
    const needed = operator === 'In' || operator === 'NotIn';
    if (needed && values.length === 0) found.error('WEFT0208', place, `${operator} needs values`);
    if (!needed && values.length > 0) found.error('WEFT0212', place, `${operator} has no values`);
    return { key: textOf(entry, 'key') ?? '', operator, values };
  });
  return { matchLabels: labelsOf(raw, 'matchLabels'), matchExpressions };
}
