/** A kind that a CustomResourceDefinition makes, as the API calls it. */
export interface CustomKind {
  readonly group: string;
  readonly plural: string;
  /** Those that Weft reads, the one to ask for first, then older ones. */
  readonly versions: readonly string[];
}

type IstioKind = 'VirtualService' | 'DestinationRule' | 'Gateway' | 'ServiceEntry';
type GatewayApiKind = 'GatewayClass' | 'Gateway' | 'HTTPRoute' | 'GRPCRoute' | 'ReferenceGrant';

function istio(plural: string): CustomKind {
  return { group: 'networking.istio.io', plural, versions: ['v1', 'v1beta1', 'v1alpha3'] };
}

function gatewayApi(plural: string, older = 'v1beta1'): CustomKind {
  return { group: 'gateway.networking.k8s.io', plural, versions: ['v1', older] };
}

/** By kind. */
export const istioKinds: Readonly<Record<IstioKind, CustomKind>> = {
  VirtualService: istio('virtualservices'),
  DestinationRule: istio('destinationrules'),
  Gateway: istio('gateways'),
  ServiceEntry: istio('serviceentries'),
};

/** By kind. */
export const gatewayApiKinds: Readonly<Record<GatewayApiKind, CustomKind>> = {
  GatewayClass: gatewayApi('gatewayclasses'),
  Gateway: gatewayApi('gateways'),
  HTTPRoute: gatewayApi('httproutes'),
  GRPCRoute: gatewayApi('grpcroutes', 'v1alpha2'),
  ReferenceGrant: gatewayApi('referencegrants'),
};
