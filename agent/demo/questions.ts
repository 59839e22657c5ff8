import { backendsOf, type CastService, node, uplink } from './cast.js';
import type { Target } from './request.js';

export type QuestionName =
  | 'order-service'
  | 'user-service'
  | 'ingress /user'
  | 'ingress /order'
  | 'ingress /other'
  | 'catalog, tester'
  | 'catalog';

/** From where requests come: the client pod, or the namespace outside. */
export type Asker = 'client' | 'outside';

/** What is asked again and again. Its answers are counted together. */
export interface Question {
  readonly name: QuestionName;
  /** How connections are led: by the hook of connect(), or request by request by the gateway. */
  readonly by: 'l4' | 'gateway';
  /** Whose backends are to answer; empty: nobody's, the gateway answers itself. */
  readonly service: string;
  /** Where requests are sent to: the Service's own addresses, or the node's port of the Gateway. */
  readonly to: 'service' | 'ingress';
  /** What decides where they go. */
  readonly rule: string;
  /** Of the Host header. */
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the answer. */
  readonly status: number;
  /** Requests/s by who sends them. */
  readonly rates: Readonly<Partial<Record<Asker, number>>>;
}

/** The Gateway's port in deploy/demo/gateway.yaml. */
export const ingressPort = 8090;

/** A pod asks a Service by its address. */
function call(service: string, path: string, rate: number, rule: string): Question {
  const rates = { client: rate };
  const name = service as QuestionName;
  return { name, by: 'l4', service, to: 'service', rule, host: service, path, headers: {}, status: 200, rates };
}

/** Somebody outside, and a pod half as often, ask the node's port. `service` empty: no rule is for the path. */
function knock(name: QuestionName, path: string, rate: number, service: string, rule: string): Question {
  const rates = { client: rate / 3, outside: (rate * 2) / 3 };
  const status = service === '' ? 404 : 200;
  return { name, by: 'gateway', service, to: 'ingress', rule, host: 'user-service', path, headers: {}, status, rates };
}

export const questions: readonly Question[] = [
  call('order-service', '/order/1', 220, 'DestinationRule order-service'),
  call('user-service', '/user/1', 100, 'DestinationRule user-service'),
  knock('ingress /user', '/user/1', 36, 'user-service', 'user-service http[0]'),
  knock('ingress /order', '/order/1', 36, 'order-service', 'user-service http[1]'),
  knock('ingress /other', '/other', 18, '', 'none'),
  {
    ...call('catalog', '/', 40, 'catalog http[0] testers'),
    name: 'catalog, tester',
    by: 'gateway',
    headers: { 'x-tester': 'yes' },
  },
  { ...call('catalog', '/', 150, 'catalog http[1] everyone'), by: 'gateway' },
];

export function questionNamed(name: string): Question {
  return questions.find((question) => question.name === name)!;
}

/** What counts as one when its share is compared with a weight: a pod, or a subset where rules name subsets. */
export function groupOf(question: Question, backend: string): string {
  const version = backendsOf(question.service).find((pod) => pod.name === backend)?.version ?? '';
  return version === '' ? backend : version;
}

/** What one asker sends: every question at every address that it may be asked at, which share its rate. */
export function targetsOf(asker: Asker, services: readonly CastService[], ipv6: boolean): Target[] {
  return questions.flatMap((question) => {
    const { name, host, path, headers, status, service, rates } = question;
    const rate = rates[asker] ?? 0;
    if (rate === 0) return [];
    const places = placesOf(question, asker, services).filter(({ address }) => ipv6 || !address.includes(':'));
    const answered = service !== '';
    return places.map((place) => ({
      ...{ ...place, question: name, host, path, headers, status, answered, rate: rate / places.length },
    }));
  });
}

function placesOf(
  { to, service }: Question,
  asker: Asker,
  services: readonly CastService[],
): readonly { readonly address: string; readonly port: number }[] {
  if (to === 'ingress') {
    const { ipv4, ipv6 } = asker === 'outside' ? uplink : node;
    return [ipv4, ipv6].map((address) => ({ address, port: ingressPort }));
  }
  const { addresses, port } = services.find(({ name }) => name === service)!;
  return addresses.map((address) => ({ address, port }));
}
