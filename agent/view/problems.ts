import { unboundFindings } from '../compile/ingress.js';
import { counted } from '../model/findings.js';
import { compareProblems, type Problem } from '../model/problem.js';
import { type ProblemCode, problemCodes } from '../model/problem-codes.js';
import { checkReferences, checkRules, type ObjectFinding } from '../model/references.js';
import type { ViewParts } from './parts.js';

/** Of the time at most so much is spent on what is wrong between objects for scrapes alone: 50 ms a look with 10 000 Services. */
const share = 0.01;

/** Everything that is wrong now. What is wrong between objects is looked for again only after a change. */
export class ProblemList {
  readonly #parts: ViewParts;
  #references: readonly Problem[] | undefined;
  #generation = -1;
  /** What was found between objects last, maybe before a change. */
  #found: { readonly freshUntil: number; readonly problems: readonly Problem[] } | undefined;
  readonly #forget: () => void;

  constructor(parts: ViewParts) {
    this.#parts = parts;
    this.#forget = parts.sync.onPropagation(() => {
      this.#references = undefined;
    });
  }

  /** Sorted. */
  all(): readonly Problem[] {
    return [...this.#parts.sourceProblems(), ...this.#between(), ...this.#runtime()].sort(compareProblems);
  }

  /** In no order. Those between objects may be of some seconds ago where the mesh is large and changes all the time. */
  recent(): readonly Problem[] {
    const { clock, sourceProblems } = this.#parts;
    const isRecent = this.#found !== undefined && clock.monotonic() < this.#found.freshUntil;
    return [...sourceProblems(), ...(isRecent ? this.#found!.problems : this.#between()), ...this.#runtime()];
  }

  /** All those of routing rules, with others among them: for who looks after each change. In no order. */
  ofRules(): readonly Problem[] {
    const { catalog, compiler, locate, sourceProblems } = this.#parts;
    return [...sourceProblems(), ...locate([...checkRules(catalog, compiler.context), ...compiler.findings])];
  }

  close(): void {
    this.#forget();
  }

  #between(): readonly Problem[] {
    const { catalog, clock, compiler, locate, sync } = this.#parts;
    if (this.#references === undefined || this.#generation !== sync.generation || sync.generation === 0) {
      this.#generation = sync.generation;
      const began = clock.monotonic();
      this.#references = locate([...checkReferences(catalog, compiler.context), ...compiler.findings]);
      const now = clock.monotonic();
      this.#found = { freshUntil: now + (now - began) / share, problems: this.#references };
    }
    return this.#references;
  }

  #runtime(): readonly Problem[] {
    const { catalog, compiler, held, locate, pods, reconciler, store, sync } = this.#parts;
    const { ingressTroubles, listenerTroubles } = this.#parts;
    const findings: ObjectFinding[] = [];
    for (const { plan, table } of reconciler.unfit()) {
      const object = catalog.service(plan.service);
      if (object === undefined) continue;
      const message = `port ${plan.port}/${plan.protocol} (IPv${plan.family}, ${plan.backends.length} backends) does not fit into the table ${table} of ${store.capacity(table)} rows`;
      findings.push({ object: catalog.written(object), path: 'spec.ports', ...codeOf('WEFT0601'), message });
    }
    for (const [key, trouble] of [...pods.troubles(), ...listenerTroubles()]) {
      const object = catalog.pod(key);
      if (object === undefined) continue;
      findings.push({
        object,
        path: object.uid === '' ? 'metadata.annotations["weft.dev/netns"]' : 'metadata.uid',
        ...codeOf('WEFT0603'),
        message: trouble,
      });
    }
    for (const [port, why] of ingressTroubles()) findings.push(...unboundFindings(compiler.ingress, port, why));
    const problems = [...locate(findings)];
    if (held() > 0)
      problems.push(
        ofNode('WEFT0602', `${counted(held(), 'object')} that vanished ${held() === 1 ? 'is' : 'are'} held`),
      );
    if (sync.drift > 0)
      problems.push(ofNode('WEFT0607', `${counted(sync.drift, 'row')} differed since the agent started`));
    return problems;
  }
}

function codeOf(code: ProblemCode): Pick<Problem, 'code' | 'severity' | 'fix'> {
  const { severity, fix } = problemCodes[code];
  return { code, severity, fix };
}

/** A problem of the node, not of an object. */
function ofNode(code: ProblemCode, message: string): Problem {
  return { ...codeOf(code), file: '', line: 0, column: 0, resource: '', path: '', message };
}
