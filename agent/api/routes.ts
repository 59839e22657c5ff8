import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Clock } from '../clock.js';
import type { FlowFilter } from './flow.js';
import { type FlowFormat, FlowStream, flowTypes, recentFlows } from './flow-stream.js';
import { Followers } from './followers.js';
import type { Listing } from './items.js';
import { filterListing, listingStream } from './listing.js';
import { healthAnswer, type ProbeAnswer, readyAnswer } from './probes.js';
import { problemDetails, problemType } from './problem-details.js';
import {
  type BackendQuery,
  BackendQuerySchema,
  type FlowQuery,
  FlowQuerySchema,
  isSet,
  type ListQuery,
  ListQuerySchema,
  type ProbeQuery,
  type ServiceParams,
  ServiceParamsSchema,
  type TableQuery,
  TableQuerySchema,
} from './requests.js';
import {
  BackendSchema,
  ConditionSchema,
  FlowSchema,
  listingSchema,
  OneServiceSchema,
  PodSchema,
  ProblemSchema,
  RouteSchema,
  ServiceSchema,
  StatusSchema,
  TableSchema,
} from './schemas.js';
import type { AgentView } from './view.js';

function sendListing(reply: FastifyReply, listing: Listing<unknown>): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(listingStream(listing));
}

function sendProbe(reply: FastifyReply, answer: ProbeAnswer): FastifyReply {
  return reply
    .status(answer.status)
    .type('text/plain; charset=utf-8')
    .header('cache-control', 'no-store')
    .send(answer.text);
}

function addProbes(app: FastifyInstance, view: AgentView): void {
  const schema = { tags: ['probes'], produces: ['text/plain'] };
  app.get('/healthz', { schema: { ...schema, summary: 'The agent lives' } }, (_request, reply) =>
    sendProbe(reply, healthAnswer),
  );
  app.get<{ Querystring: ProbeQuery }>(
    '/readyz',
    { schema: { ...schema, summary: 'The agent is ready; ?verbose names each check' } },
    (request, reply) => sendProbe(reply, readyAnswer(view.ready(), request.query.verbose !== undefined)),
  );
}

function addListings(app: FastifyInstance, view: AgentView): void {
  const schema = (summary: string, item: Parameters<typeof listingSchema>[0], querystring?: object): object => ({
    tags: ['state'],
    summary,
    ...(querystring === undefined ? {} : { querystring }),
    response: { 200: listingSchema(item) },
  });
  app.get(
    '/v1/status',
    { schema: { tags: ['state'], summary: 'The agent as a whole', response: { 200: StatusSchema } } },
    () => view.status(),
  );
  app.get<{ Querystring: ListQuery }>(
    '/v1/services',
    { schema: schema('Services', ServiceSchema, ListQuerySchema) },
    ({ query: { namespace } }, reply) =>
      sendListing(
        reply,
        filterListing(view.services(), (item) => namespace === undefined || item.namespace === namespace),
      ),
  );
  app.get<{ Querystring: BackendQuery }>(
    '/v1/backends',
    { schema: schema('Endpoints of Service ports', BackendSchema, BackendQuerySchema) },
    ({ query: { namespace, service } }, reply) =>
      sendListing(
        reply,
        filterListing(
          view.backends(),
          (item) =>
            (service === undefined || item.service === service) &&
            (namespace === undefined || item.service.startsWith(`${namespace}/`)),
        ),
      ),
  );
  app.get<{ Querystring: ListQuery }>(
    '/v1/routes',
    { schema: schema('What happens to connections to each Service address', RouteSchema, ListQuerySchema) },
    ({ query: { namespace } }, reply) =>
      sendListing(
        reply,
        filterListing(view.routes(), (item) => namespace === undefined || item.service.startsWith(`${namespace}/`)),
      ),
  );
  app.get<{ Querystring: ListQuery }>(
    '/v1/pods',
    { schema: schema('Pods, and whether they are captured', PodSchema, ListQuerySchema) },
    ({ query: { namespace } }, reply) =>
      sendListing(
        reply,
        filterListing(view.pods(), (item) => namespace === undefined || item.namespace === namespace),
      ),
  );
  app.get<{ Querystring: TableQuery }>(
    '/v1/tables',
    { schema: schema('Rows as desired and as the kernel has them', TableSchema, TableQuerySchema) },
    ({ query: { table } }, reply) =>
      sendListing(
        reply,
        filterListing(view.tables(), (item) => table === undefined || item.table === table),
      ),
  );
  app.get<{ Querystring: ListQuery }>(
    '/v1/conditions',
    { schema: schema('Conditions of Gateways and routes', ConditionSchema, ListQuerySchema) },
    ({ query: { namespace } }, reply) =>
      sendListing(
        reply,
        filterListing(
          view.conditions(),
          (item) => namespace === undefined || item.resource.split(' ')[1]!.startsWith(`${namespace}/`),
        ),
      ),
  );
  app.get('/v1/problems', { schema: schema('What is wrong with the manifests', ProblemSchema) }, (_request, reply) =>
    sendListing(reply, view.problems()),
  );
}

function addService(app: FastifyInstance, view: AgentView): void {
  app.get<{ Params: ServiceParams }>(
    '/v1/services/:namespace/:name',
    {
      schema: {
        tags: ['state'],
        summary: 'One Service with its backends',
        params: ServiceParamsSchema,
        response: { 200: OneServiceSchema },
      },
    },
    ({ params: { namespace, name } }, reply) => {
      const { generation, items } = view.services();
      const key = `${namespace}/${name}`;
      for (const item of items) {
        if (item.service !== key) continue;
        const backends = [...filterListing(view.backends(), (backend) => backend.service === key).items];
        return reply.send({ generation, ...item, backends });
      }
      return reply
        .status(404)
        .type(problemType)
        .send(problemDetails(404, `there is no Service ${key}`));
    },
  );
}

function formatOf(accept: string | undefined): FlowFormat {
  return accept?.includes('text/event-stream') === true ? 'sse' : 'ndjson';
}

function addFlows(app: FastifyInstance, view: AgentView, clock: Clock, followers: Followers): void {
  const follow = (filter: FlowFilter, limit: number, format: FlowFormat, reply: FastifyReply): Readable => {
    const stream = new FlowStream(view.flows, filter, limit, format, clock);
    followers.add(stream, reply.request.raw.socket);
    reply.raw.flushHeaders();
    return stream;
  };
  app.get<{ Querystring: FlowQuery }>(
    '/v1/flows',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['flows'],
        summary: 'Connections and requests, oldest first; with follow, also new ones as they are told of',
        description:
          'One JSON object a line, or server-sent events when text/event-stream is accepted. Where flows are missing, a record {"event":"lost","lost":N} says exactly how many. New ones come in batches, within about a second and not sorted between workers.',
        produces: ['application/x-ndjson', 'text/event-stream'],
        querystring: FlowQuerySchema,
        response: { 200: FlowSchema },
      },
    },
    (request, reply) => {
      const { follow: flag, limit, ...filter } = request.query;
      const format = formatOf(request.headers.accept);
      const following = isSet(flag);
      if (following && followers.full)
        return reply
          .status(503)
          .type(problemType)
          .send(problemDetails(503, `${Followers.most} clients follow flows already`));
      reply.type(flowTypes[format]).header('cache-control', 'no-store');
      const count = limit === undefined ? (following ? 0 : 100) : Number(limit);
      return reply.send(
        following ? follow(filter, count, format, reply) : recentFlows(view.flows, filter, count, format),
      );
    },
  );
}

/** Adds everything that only reads. */
export function addReads(app: FastifyInstance, view: AgentView, clock: Clock, followers: Followers): void {
  addProbes(app, view);
  addListings(app, view);
  addService(app, view);
  addFlows(app, view, clock, followers);
}
