/** The forms of names in Kubernetes, as apimachinery's validation package has them. */

const label1123 = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const word = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

export type NameForm = 'label1123' | 'subdomain' | 'portName' | 'qualified';

/** What each form demands, for messages. */
export const nameForms: Readonly<Record<NameForm, string>> = {
  label1123: 'at most 63 lower case letters, digits and -, a letter or digit first and last (RFC 1123 label)',
  subdomain: 'at most 253 lower case letters, digits, - and ., a letter or digit around each . (RFC 1123 subdomain)',
  portName: 'at most 15 lower case letters, digits and single -, with a letter (RFC 6335 service name)',
  qualified: '[DNS-SUBDOMAIN/]NAME, NAME of at most 63 letters, digits, -, _ and .',
};

export function isName(form: NameForm, name: string): boolean {
  switch (form) {
    case 'label1123':
      return name.length <= 63 && label1123.test(name);
    case 'subdomain':
      return name.length <= 253 && subdomain.test(name);
    case 'portName':
      return name.length <= 15 && label1123.test(name) && /[a-z]/.test(name) && !name.includes('--');
    case 'qualified':
      return isQualifiedName(name);
  }
}

/** A name of the form that is written nearly as `name` is; undefined when there is none. */
export function nearestName(form: NameForm, name: string): string | undefined {
  if (form === 'qualified' || name.length > 253) return undefined;
  const foreign = form === 'subdomain' ? /[^a-z0-9.-]+/g : /[^a-z0-9-]+/g;
  const plain = name.toLowerCase().replace(foreign, '-');
  const labels = plain.split('.').map((label) => label.replace(/^-+|-+$/g, ''));
  const joined = labels.filter((label) => label !== '').join('.');
  const nearest = form === 'portName' ? joined.replace(/-{2,}/g, '-') : joined;
  return isName(form, nearest) ? nearest : undefined;
}

function isQualifiedName(name: string): boolean {
  const slash = name.indexOf('/');
  const last = slash < 0 ? name : name.slice(slash + 1);
  return last.length <= 63 && word.test(last) && (slash < 0 || isName('subdomain', name.slice(0, slash)));
}

export function isLabelValue(value: string): boolean {
  return value.length === 0 || (value.length <= 63 && word.test(value));
}

/** A DNS name, possibly with `*` as its whole first label or alone, as Istio's `host` and `hosts` take it. */
export function isHost(host: string): boolean {
  if (host === '*') return true;
  const rest = host.startsWith('*.') ? host.slice(2) : host;
  return isName('subdomain', rest.toLowerCase());
}

/**
 * The Service a host names, as `NS/NAME`: a name without dots lies in `namespace`; also `NAME.NS`, `NAME.NS.svc` and
 * `NAME.NS.svc.cluster.local`, with or without a final dot. Undefined for every other host, wildcards included.
 */
export function serviceOfHost(host: string, namespace: string): string | undefined {
  const [name, space = namespace, svc, ...domain] = trimmed(host).split('.');
  if (name === undefined || name === '' || name === '*' || space === '' || (svc !== undefined && svc !== 'svc'))
    return undefined;
  return domain.length === 0 || domain.join('.') === 'cluster.local' ? `${space}/${name}` : undefined;
}

/**
 * The key of the Service that stands for a host of ServiceEntries in `namespace`: NS/HOST. A Service's own name has no dot; a host without one
 * gets a final dot.
 */
export function keyOfHost(host: string, namespace: string): string {
  const name = trimmed(host);
  return `${namespace}/${name.includes('.') ? name : `${name}.`}`;
}

/** `NS/NAME` as the name pods resolve: NAME.NS.svc.cluster.local, or the host that it stands for (keyOfHost). */
export function hostOfService(key: string): string {
  const slash = key.indexOf('/');
  if (key.includes('.', slash)) return trimmed(key.slice(slash + 1));
  return `${key.slice(slash + 1)}.${key.slice(0, slash)}.svc.cluster.local`;
}

/** The full hosts that a host can mean which is written in `namespace`: a Service's of any cluster form, and the name as it is. */
export function hostsMeant(host: string, namespace: string): ReadonlySet<string> {
  const service = serviceOfHost(host, namespace);
  const written = trimmed(host);
  return new Set(service === undefined ? [written] : [hostOfService(service), written]);
}

/** Whether a wildcard host (`*`, `*.REST`) covers a full DNS name. */
export function wildcardCovers(pattern: string, name: string): boolean {
  return pattern === '*' || (pattern.startsWith('*.') && name.endsWith(trimmed(pattern).slice(1)));
}

function trimmed(host: string): string {
  const lower = host.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
