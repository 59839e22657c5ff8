/** Why the API does not do what was asked: an HTTP status with apimachinery's `meta/v1` Status, or the plain text of an unknown path. */
export class Refusal extends Error {
  readonly code: number;
  readonly status: Readonly<Record<string, unknown>> | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: number, message: string, parts: RefusalParts = {}) {
    super(message);
    this.code = code;
    const { reason, details, metadata = {}, plain = false } = parts;
    this.retryAfterSeconds = details?.retryAfterSeconds as number | undefined;
    if (!plain)
      this.status = {
        ...{ kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message },
        ...(reason === undefined ? {} : { reason }),
        ...(details === undefined ? {} : { details }),
        code,
      };
  }
}

export interface RefusalParts {
  readonly reason?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** text/plain instead of a Status. */
  readonly plain?: boolean;
}

/** What a refusal is about. */
export interface Subject {
  readonly group: string;
  readonly plural: string;
  readonly name?: string;
}

const naming = ({ group, plural }: Subject): string => (group === '' ? plural : `${plural}.${group}`);

function detailsOf({ name, group, plural }: Subject): Readonly<Record<string, unknown>> {
  return { ...(name === undefined ? {} : { name }), ...(group === '' ? {} : { group }), kind: plural };
}

export const pageNotFound = (): Refusal => new Refusal(404, '404 page not found', { plain: true });

export const unauthorized = (): Refusal => new Refusal(401, 'Unauthorized', { reason: 'Unauthorized' });

export const badRequest = (message: string): Refusal => new Refusal(400, message, { reason: 'BadRequest' });

export function forbidden(user: string, verb: string, subject: Subject, namespace: string | undefined): Refusal {
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const named = subject.name === undefined ? '' : ` "${subject.name}"`;
  return new Refusal(
    403,
    `${naming(subject)}${named} is forbidden: User "${user}" cannot ${verb} resource "${subject.plural}" in API group "${subject.group}" ${scope}`,
    { reason: 'Forbidden', details: detailsOf(subject) },
  );
}

export const notFound = (subject: Subject): Refusal =>
  new Refusal(404, `${naming(subject)} "${subject.name}" not found`, {
    reason: 'NotFound',
    details: detailsOf(subject),
  });

export const alreadyExists = (subject: Subject): Refusal =>
  new Refusal(409, `${naming(subject)} "${subject.name}" already exists`, {
    reason: 'AlreadyExists',
    details: detailsOf(subject),
  });

const modified = 'the object has been modified; please apply your changes to the latest version and try again';

/** `why`: the default is what a stale resourceVersion gets. */
export function conflict(subject: Subject, why: string = modified): Refusal {
  const message = `Operation cannot be fulfilled on ${naming(subject)} "${subject.name}": ${why}`;
  return new Refusal(409, message, { reason: 'Conflict', details: detailsOf(subject) });
}

/** Of one field; `rule` as in `Forbidden: sendInitialEvents requires …` with the cause `FieldValueForbidden`. */
export function invalid(
  group: string,
  kind: string,
  name: string,
  field: string,
  cause: string,
  rule: string,
): Refusal {
  return new Refusal(422, `${group === '' ? kind : `${kind}.${group}`} "${name}" is invalid: ${field}: ${rule}`, {
    reason: 'Invalid',
    details: {
      ...(name === '' ? {} : { name }),
      ...(group === '' ? {} : { group }),
      kind,
      causes: [{ reason: cause, message: rule, field }],
    },
  });
}

/** Of a list's or watch's options. */
export const invalidOption = (field: string, rule: string): Refusal =>
  invalid('meta.k8s.io', 'ListOptions', '', field, 'FieldValueForbidden', `Forbidden: ${rule}`);

export const methodNotAllowed = (): Refusal =>
  new Refusal(405, 'the server does not allow this method on the requested resource', {
    reason: 'MethodNotAllowed',
    details: {},
  });

export const notAcceptable = (): Refusal =>
  new Refusal(
    406,
    '406: Not Acceptable\n\nAvailable representations: application/json, application/json;stream=watch',
    { reason: 'NotAcceptable', details: {} },
  );

export const unsupportedMediaType = (accepted: readonly string[]): Refusal =>
  new Refusal(
    415,
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
    { reason: 'UnsupportedMediaType', details: {} },
  );

export const tooLargeVersion = (asked: number, current: number): Refusal =>
  new Refusal(504, `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    reason: 'Timeout',
    details: {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  });

export const malformedVersion = (text: string): Refusal =>
  new Refusal(500, `resourceVersion: Invalid value: "${text}": strconv.ParseUint: parsing "${text}": invalid syntax`);

export const expiredList = (): Refusal =>
  new Refusal(410, 'The resourceVersion for the provided list is too old.', { reason: 'Expired' });

/** `rest`: the token by which the remainder can be had, inconsistent with what came before. */
export const expiredContinue = (rest: string): Refusal =>
  new Refusal(
    410,
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { reason: 'Expired', metadata: { continue: rest } },
  );

/** `floor`: the oldest version from which a watch can begin. */
export const expiredWatch = (asked: number, floor: number): Refusal =>
  new Refusal(410, `too old resource version: ${asked} (${floor})`, { reason: 'Expired' });
