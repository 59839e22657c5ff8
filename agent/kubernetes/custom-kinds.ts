/** A kind that a CustomResourceDefinition makes, as the API calls it. */
export interface CustomKind {
  readonly group: string;
  readonly plural: string;
  /** Those that Weft reads, the one to ask for first, then older ones. */
  readonly versions: readonly string[];
  /** Whether an agent says what became of one, for which it reads that one. */
  readonly isAnswered: boolean;
}

type IstioKind = 'VirtualService' | 'DestinationRule' | 'Gateway' | 'ServiceEntry';
type GatewayApiKind = 'GatewayClass' | 'Gateway' | 'HTTPRoute' | 'GRPCRoute' | 'ReferenceGrant';

function istio(plural: string, isAnswered: boolean): CustomKind {
  return { group: 'networking.istio.io', plural, versions: ['v1', 'v1beta1', 'v1alpha3'], isAnswered };
}

function gatewayApi(plural: string, isAnswered: boolean, older = 'v1beta1'): CustomKind {
  return { group: 'gateway.networking.k8s.io', plural, versions: ['v1', older], isAnswered };
}

/** By kind. */
export const istioKinds: Readonly<Record<IstioKind, CustomKind>> = {
  VirtualService: istio('virtualservices', true),
  DestinationRule: istio('destinationrules', true),
  Gateway: istio('gateways', false),
  ServiceEntry: istio('serviceentries', false),
};

/** By kind. */
export const gatewayApiKinds: Readonly<Record<GatewayApiKind, CustomKind>> = {
  GatewayClass: gatewayApi('gatewayclasses', true),
  Gateway: gatewayApi('gateways', true),
  HTTPRoute: gatewayApi('httproutes', true),
  GRPCRoute: gatewayApi('grpcroutes', true, 'v1alpha2'),
  ReferenceGrant: gatewayApi('referencegrants', false),
};
