import {
  any,
  boolean,
  choice,
  count,
  host,
  integer,
  listOf,
  mapOf,
  object,
  port,
  required,
  routeDuration,
  type Shape,
  security,
  string,
  strings,
  unsupported,
} from './schema.js';

/** Every field of the Gateway API's standard and experimental channels that Weft's kinds of it have. */

const reference = { group: string, kind: string, namespace: string, name: required(string) };
const parentRefs = listOf(object({ ...reference, sectionName: string, port }));
const header = object({ name: required(string), value: required(string) });
const cors = object({
  allowOrigins: strings,
  allowCredentials: boolean,
  allowMethods: strings,
  allowHeaders: strings,
  exposeHeaders: strings,
  maxAge: integer(1, 2 ** 31 - 1),
});
const headerModifier = object({ set: listOf(header), add: listOf(header), remove: strings });
const pathModifier = object({
  type: required(choice('ReplaceFullPath', 'ReplacePrefixMatch')),
  replaceFullPath: string,
  replacePrefixMatch: string,
});
const backend = { ...reference, port };
const fraction = object({ numerator: required(count), denominator: integer(1, 2 ** 31 - 1) });

const commonFilters = {
  requestHeaderModifier: headerModifier,
  responseHeaderModifier: headerModifier,
  requestMirror: object({ backendRef: required(object(backend)), percent: integer(0, 100), fraction }),
  extensionRef: object({ group: string, kind: required(string), name: required(string) }),
};
const httpFilters = listOf(
  object({
    type: required(
      choice(
        'RequestHeaderModifier',
        'ResponseHeaderModifier',
        'RequestMirror',
        'RequestRedirect',
        'URLRewrite',
        'ExtensionRef',
        'CORS',
        'ExternalAuth',
      ),
    ),
    ...commonFilters,
    requestRedirect: object({
      scheme: choice('http', 'https'),
      hostname: host,
      path: pathModifier,
      port,
      statusCode: integer(301, 308),
    }),
    urlRewrite: object({ hostname: host, path: pathModifier }),
    cors,
    externalAuth: security(any),
  }),
);
const grpcFilters = listOf(
  object({
    type: required(choice('RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror', 'ExtensionRef')),
    ...commonFilters,
  }),
);

const weight = integer(0, 1_000_000);
const valueMatch = object({
  type: choice('Exact', 'RegularExpression'),
  name: required(string),
  value: required(string),
});
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

export const httpRoute: Shape = object({
  parentRefs,
  useDefaultGateways: unsupported(string),
  hostnames: listOf(host),
  rules: listOf(
    object({
      name: string,
      matches: listOf(
        object({
          path: object({ type: choice('Exact', 'PathPrefix', 'RegularExpression'), value: string }),
          headers: listOf(valueMatch),
          queryParams: listOf(valueMatch),
          method: choice(...methods),
        }),
      ),
      filters: httpFilters,
      backendRefs: listOf(object({ ...backend, weight, filters: httpFilters })),
      timeouts: object({ request: routeDuration, backendRequest: routeDuration }),
      retry: object({ codes: listOf(integer(400, 599)), attempts: count, backoff: routeDuration }),
      sessionPersistence: unsupported(any),
    }),
  ),
});

export const grpcRoute: Shape = object({
  parentRefs,
  useDefaultGateways: unsupported(string),
  hostnames: listOf(host),
  rules: listOf(
    object({
      name: string,
      matches: listOf(
        object({
          method: object({ type: choice('Exact', 'RegularExpression'), service: string, method: string }),
          headers: listOf(valueMatch),
        }),
      ),
      filters: grpcFilters,
      backendRefs: listOf(object({ ...backend, weight, filters: grpcFilters })),
      sessionPersistence: unsupported(any),
    }),
  ),
});

export const gatewayClass: Shape = object({
  controllerName: required(string),
  parametersRef: unsupported(object({ group: string, kind: string, name: string, namespace: string })),
  description: string,
});

/** meta/v1 LabelSelector. */
const selector = object({
  matchLabels: mapOf(string),
  matchExpressions: listOf(
    object({
      key: required(string),
      operator: required(choice('In', 'NotIn', 'Exists', 'DoesNotExist')),
      values: strings,
    }),
  ),
});

export const gateway: Shape = object({
  gatewayClassName: required(string),
  listeners: required(
    listOf(
      object({
        name: required(string),
        hostname: host,
        port: required(port),
        protocol: required(string),
        tls: object({
          mode: choice('Terminate', 'Passthrough'),
          certificateRefs: listOf(object(reference)),
          frontendValidation: security(any),
          options: mapOf(string),
        }),
        allowedRoutes: object({
          namespaces: object({ from: choice('All', 'Selector', 'Same', 'None'), selector }),
          kinds: listOf(object({ group: string, kind: required(string) })),
        }),
      }),
    ),
  ),
  addresses: unsupported(listOf(object({ type: string, value: string }))),
  infrastructure: unsupported(object({ labels: mapOf(string), annotations: mapOf(string), parametersRef: any })),
  allowedListeners: unsupported(any),
  backendTLS: security(any),
  tls: security(any),
  defaultScope: unsupported(string),
});

export const referenceGrant: Shape = object({
  from: required(listOf(object({ group: required(string), kind: required(string), namespace: required(string) }))),
  to: required(listOf(object({ group: required(string), kind: required(string), name: string }))),
});
