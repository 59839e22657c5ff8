import { type Family, keyOf, type ServicePort } from '../model/mesh.js';
import { candidatesOf, type EndpointSource } from './candidates.js';
import type { CompileContext, CompileInput } from './input.js';
import type { PlanBackend } from './plan.js';
import { statesOf } from './topology.js';

/** A backend nobody gave a weight. */
export const defaultWeight = 1;

/**
 * Every endpoint of one Service port in one family, usable or not, sorted by address (as text) then port. A usable
 * one (`ready`, `terminating`) has its manual weight or the default; a manual weight of 0 makes it `weightless`
 * and does not make anybody else usable.
 */
export function endpointsOf(
  source: EndpointSource,
  port: ServicePort,
  family: Family,
  input: CompileInput,
  context: CompileContext,
): readonly PlanBackend[] {
  const candidates = candidatesOf(source, port, family, input);
  const states = statesOf(candidates, source.service, context);
  const weights = context.overrides.weights.size > 0 ? context.overrides.weights.get(keyOf(source.service)) : undefined;
  return candidates.map(({ name, address, port, node, zone, weight: said = defaultWeight }, index) => {
    const state = states[index]!;
    const usable = state === 'ready' || state === 'terminating';
    const weight = usable
      ? (weights?.get(name) ?? weights?.get(address) ?? (weights === undefined ? said : defaultWeight))
      : 0;
    return { name, address, port, node, zone, state: usable && weight === 0 ? 'weightless' : state, weight };
  });
}
