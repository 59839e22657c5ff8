import type { ApiError } from '../../kubernetes/api.js';
import type { Problem } from '../../model/problem.js';
import { problemCodes } from '../../model/problem-codes.js';
import type { Resource } from './resource.js';
import { isMalformed } from './watching.js';

/** Why a resource is not as the API server has it. */
export interface Trouble {
  readonly text: string;
  readonly code: 'WEFT0606' | 'WEFT0609';
  /** Of the server rather than of this resource. */
  readonly isGeneral: boolean;
}

/** What a refused or failed list or watch of `resource` means. */
export function troubleOf(error: ApiError, resource: Resource, verb: 'list' | 'watch'): Trouble {
  const { message, reason, status } = error;
  if (status === 401) {
    return {
      code: 'WEFT0609',
      isGeneral: true,
      text: `the API server does not accept the agent’s credentials: ${message}`,
    };
  }
  if (status === 403) {
    return {
      code: 'WEFT0609',
      isGeneral: false,
      text: `may not ${verb} ${resource.plural}: ${ruleFor(resource)} (${message})`,
    };
  }
  if (isMalformed(error)) {
    return { code: 'WEFT0606', isGeneral: false, text: `${verb} cannot be understood: ${message}` };
  }
  if (reason === 'Credentials') {
    return { code: 'WEFT0609', isGeneral: true, text: `there are no credentials for the API server: ${message}` };
  }
  if (status === 0) return { code: 'WEFT0606', isGeneral: true, text: `the API server does not answer: ${message}` };
  return { code: 'WEFT0606', isGeneral: false, text: `${verb} failed with status ${status}: ${message}` };
}

/** The rule of RBAC that permits what is done with it. */
function ruleFor({ group, namespace, plural, verbs }: Resource): string {
  const role = namespace === '' ? 'ClusterRole' : `ClusterRole (or a Role in ${namespace})`;
  const quoted = verbs.map((verb) => `"${verb}"`).join(', ');
  return `add to the agent’s ${role} apiGroups: ["${group}"], resources: ["${plural}"], verbs: [${quoted}]`;
}

export function troubleProblem(trouble: Trouble, server: string, file: string): Problem {
  const { severity, fix } = problemCodes[trouble.code];
  const place = trouble.isGeneral ? server : file;
  return {
    code: trouble.code,
    severity,
    file: place,
    line: 0,
    column: 0,
    resource: '',
    path: '',
    message: trouble.text,
    fix,
  };
}
