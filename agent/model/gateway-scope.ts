import type { IstioGateway } from './istio-gateway.js';
import type { GatewayClass, KubernetesGateway } from './kubernetes-gateway.js';
import { selects } from './selectors.js';

/** GatewayClass.spec.controllerName of the classes that Weft serves. */
export const controllerName = 'weft.dev/gateway';
/** The class that needs no GatewayClass in a directory. */
export const className = 'weft';

/** What says which Gateways an agent serves: those of others are nobody's business here, nor is what they refer to. */
export interface GatewayScope {
  /** --gateway-labels. */
  readonly gatewayLabels: Readonly<Record<string, string>>;
  /** There a Gateway of class `weft` needs no GatewayClass. */
  readonly directoryMode: boolean;
}

/** Tells the own Gateways: Istio's by their selector, those of the Gateway API by the controller of their class. */
export function ownGateways(
  classes: Iterable<GatewayClass>,
  { gatewayLabels, directoryMode }: GatewayScope,
): (gateway: IstioGateway | KubernetesGateway) => boolean {
  const controllers = new Map<string, string>();
  for (const { meta, controllerName: name } of classes) controllers.set(meta.name, name);
  return (gateway) => {
    if (gateway.kind === 'Gateway') return selects(gateway.selector, gatewayLabels);
    const controller = controllers.get(gateway.gatewayClassName);
    if (controller !== undefined) return controller === controllerName;
    return directoryMode && gateway.gatewayClassName === className;
  };
}
