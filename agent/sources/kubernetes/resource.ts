import { type CustomKind, gatewayApiKinds, istioKinds } from '../../kubernetes/custom-kinds.js';
import type { Kind } from '../../model/mesh.js';

/** What is listed and watched of the API server, as one list with one watch. */
export interface Resource {
  /** As its state, its metrics and its troubles name it. */
  readonly name: string;
  /** As the API calls it; `model` as the model does. */
  readonly kind: string;
  readonly model: Kind;
  /** Empty for the core group. */
  readonly group: string;
  /** The one to ask for first comes first. */
  readonly versions: readonly string[];
  readonly plural: string;
  /** What the agent does with it, here and where it says what became of it: what a role is to grant. */
  readonly verbs: readonly string[];
  /** `metadata`: as meta/v1 PartialObjectMetadata, nothing else of it is sent. */
  readonly shape: 'whole' | 'metadata';
  /** Whether nothing is known of the mesh without it. Others may be forbidden or, of groups that CRDs make, missing. */
  readonly isRequired: boolean;
  /** Looked at in case it is there: that it may not be is nothing to tell of. */
  readonly isSpare: boolean;
  /** Empty: of all namespaces. */
  readonly namespace: string;
  /** Empty: all. */
  readonly fieldSelector: string;
}

const watching = ['list', 'watch'] as const;

const core = {
  group: '',
  versions: ['v1'],
  namespace: '',
  fieldSelector: '',
  verbs: watching,
  isRequired: true,
  isSpare: false,
};

function customResource(
  kind: string,
  { group, isAnswered, plural, versions }: CustomKind,
  model: string = kind,
): Resource {
  return {
    name: `${plural}.${group}`,
    kind,
    model: model as Kind,
    group,
    versions,
    plural,
    verbs: isAnswered ? ['get', ...watching] : watching,
    shape: 'whole',
    isRequired: false,
    isSpare: false,
    namespace: '',
    fieldSelector: '',
  };
}

/** Pods twice: those of `node` whole, all by their labels and owners. */
export function resourcesFor(node: string): readonly Resource[] {
  return [
    { ...core, name: 'services', kind: 'Service', model: 'Service', plural: 'services', shape: 'whole' },
    {
      ...core,
      name: 'endpointslices.discovery.k8s.io',
      kind: 'EndpointSlice',
      model: 'EndpointSlice',
      group: 'discovery.k8s.io',
      plural: 'endpointslices',
      shape: 'whole',
    },
    { ...core, name: 'pods', kind: 'Pod', model: 'Pod', plural: 'pods', shape: 'metadata' },
    {
      ...core,
      name: 'pods of this node',
      kind: 'Pod',
      model: 'Pod',
      plural: 'pods',
      shape: 'whole',
      fieldSelector: `spec.nodeName=${node}`,
    },
    { ...core, name: 'nodes', kind: 'Node', model: 'Node', plural: 'nodes', shape: 'metadata' },
    { ...core, name: 'namespaces', kind: 'Namespace', model: 'Namespace', plural: 'namespaces', shape: 'metadata' },
    ...Object.entries(istioKinds).map(([kind, custom]) => customResource(kind, custom)),
    // Both APIs have a Gateway: the model's names differ.
    ...Object.entries(gatewayApiKinds).map(([kind, custom]) =>
      customResource(kind, custom, kind === 'Gateway' ? 'KubernetesGateway' : kind),
    ),
  ];
}

/** One Secret, by its name: no right to read all of them is used. */
export function secretNamed(namespace: string, name: string, isSpare: boolean): Resource {
  return {
    ...core,
    name: 'secrets',
    kind: 'Secret',
    model: 'Secret',
    plural: 'secrets',
    shape: 'whole',
    isRequired: false,
    isSpare,
    namespace,
    fieldSelector: `metadata.name=${name}`,
  };
}

/** Whether a CustomResourceDefinition makes it, so that it may not be there. */
export function isCustom({ group }: Resource): boolean {
  return group !== '' && group !== 'discovery.k8s.io';
}

export function apiVersionOf({ group }: Resource, version: string): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The path of its collection, as `/apis/networking.istio.io/v1/virtualservices`. */
export function pathOf(resource: Resource, version: string): string {
  const { group, namespace, plural } = resource;
  const root = group === '' ? '/api' : '/apis';
  const scope = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}/${apiVersionOf(resource, version)}${scope}/${plural}`;
}

/** The media type of a list of it, and of a watch. */
export function acceptOf({ shape }: Pick<Resource, 'shape'>, isWatch: boolean): string {
  if (shape === 'whole') return 'application/json';
  return `application/json;as=PartialObjectMetadata${isWatch ? '' : 'List'};g=meta.k8s.io;v=v1`;
}
