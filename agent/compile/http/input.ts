import type { DestinationRule } from '../../model/destination-rule.js';
import type { ReferenceGrant } from '../../model/kubernetes-gateway.js';
import type { Namespace, Service } from '../../model/mesh.js';
import type { ProblemCode } from '../../model/problem-codes.js';
import type { GrpcRoute, HttpRoute } from '../../model/route.js';
import type { ServiceEntry } from '../../model/service-entry.js';
import type { VirtualService } from '../../model/virtual-service.js';

/** What the HTTP rules are compiled from; the catalog has it all. */
export interface HttpInput {
  /** By NS/NAME. */
  service(key: string): Service | undefined;
  /** With those that stand for hosts of ServiceEntries. */
  services(): Iterable<Service>;
  /** Those that stand for hosts of ServiceEntries. */
  entryServices(): Iterable<Service>;
  entryServicesOf(host: string): readonly Service[];
  /** By its bare name. */
  namespace(name: string): Namespace | undefined;
  virtualServices(): Iterable<VirtualService>;
  destinationRules(): Iterable<DestinationRule>;
  serviceEntries(): Iterable<ServiceEntry>;
  httpRoutes(): Iterable<HttpRoute>;
  grpcRoutes(): Iterable<GrpcRoute>;
  referenceGrants(): Iterable<ReferenceGrant>;
}

export type RuleObject = VirtualService | HttpRoute | GrpcRoute;

/** Takes what is wrong with a rule, but for references to nothing (model/routing-references.ts); `path` is the field of the object. */
export type Report = (object: RuleObject, code: ProblemCode, path: string, message: string) => void;

export const silent: Report = () => {};
