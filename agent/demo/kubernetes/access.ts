import { forbidden, type Subject, unauthorized } from './refusal.js';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete';

export const allVerbs: readonly Verb[] = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

/** Who may do what: every holder of a good token everything, but for what is forbidden. */
export class Access {
  /** As RBAC names a service account. */
  readonly user: string;
  readonly #tokens = new Set<string>();
  readonly #forbidden = new Map<string, ReadonlySet<Verb>>();

  constructor(user: string) {
    this.user = user;
  }

  grant(token: string): void {
    this.#tokens.add(token);
  }

  revoke(token: string): void {
    this.#tokens.delete(token);
  }

  /** `resource`: as {@link resourceName}; none of `verbs`: everything is allowed again. */
  forbid(resource: string, verbs: readonly Verb[]): void {
    this.#forbidden.set(resource, new Set(verbs));
  }

  /** The user of an Authorization header; 401 for a bad token. Without a header: nobody in particular, who may do nothing with objects. */
  userOf(authorization: string): string {
    if (authorization === '') return 'system:anonymous';
    const token = /^Bearer (.+)$/.exec(authorization)?.[1];
    if (token === undefined || !this.#tokens.has(token)) throw unauthorized();
    return this.user;
  }

  /** 403 unless `user` may. */
  check(user: string, verb: Verb, resource: string, subject: Subject, namespace: string | undefined): void {
    if (user !== this.user || this.#forbidden.get(resource)?.has(verb)) throw forbidden(user, verb, subject, namespace);
  }
}
