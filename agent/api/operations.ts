import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Diff } from './items.js';
import { listingStream } from './listing.js';
import { problemType, refusalDetails } from './problem-details.js';
import {
  type ExplainBody,
  ExplainBodySchema,
  type PodParams,
  PodParamsSchema,
  type ServiceParams,
  ServiceParamsSchema,
  type WeightsBody,
  WeightsBodySchema,
} from './requests.js';
import { DiffSchema, DrainSchema, ExplanationSchema, ValidationSchema, WeightsSchema } from './schemas.js';
import type { AgentView, Outcome } from './view.js';

function send<Value>(reply: FastifyReply, outcome: Outcome<Value>): FastifyReply {
  if (outcome.ok) return reply.send(outcome.value);
  const details = refusalDetails(outcome.refusal);
  return reply.status(details.status).type(problemType).send(details);
}

function addQuestions(app: FastifyInstance, view: AgentView): void {
  app.post<{ Body: ExplainBody }>(
    '/v1/explain',
    {
      schema: {
        tags: ['questions'],
        summary: 'Where a connection or request would go, and why',
        body: ExplainBodySchema,
        response: { 200: ExplanationSchema },
      },
    },
    async ({ body }, reply) =>
      send(reply, await view.explain({ protocol: 'TCP', method: '', path: '', headers: [], ...body })),
  );
}

/** Bodies are YAML whatever their content type says: JSON is YAML too (YAML 1.2.2, 1.3). */
function addManifests(app: FastifyInstance, view: AgentView): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  const schema = { tags: ['questions'], consumes: ['application/yaml'] };
  app.post<{ Body: string | undefined }>(
    '/v1/validate',
    {
      schema: {
        ...schema,
        summary: 'What is wrong with the manifests of the body (YAML)',
        response: { 200: ValidationSchema },
      },
    },
    async ({ body }, reply) => send(reply, await view.validate(body ?? '')),
  );
  app.post<{ Body: string | undefined }>(
    '/v1/diff',
    {
      schema: {
        ...schema,
        summary: 'What applying the manifests of the body (YAML) would change',
        response: { 200: DiffSchema },
      },
    },
    async ({ body }, reply) => {
      const outcome: Outcome<Diff> = await view.diff(body ?? '');
      if (!outcome.ok) return send(reply, outcome);
      const { problems } = outcome.value;
      return reply.type('application/json; charset=utf-8').send(listingStream(outcome.value, { problems }));
    },
  );
}

function addWeights(app: FastifyInstance, view: AgentView): void {
  const path = '/v1/services/:namespace/:name/weights';
  const schema = { tags: ['overrides'], params: ServiceParamsSchema, response: { 200: WeightsSchema } };
  app.put<{ Params: ServiceParams; Body: WeightsBody }>(
    path,
    {
      schema: {
        ...schema,
        summary: 'Replaces all manual weights of a Service; a backend that is not named has 1',
        body: WeightsBodySchema,
      },
    },
    async ({ params: { namespace, name }, body }, reply) =>
      send(reply, await view.setWeights(`${namespace}/${name}`, new Map(Object.entries(body.weights)))),
  );
  app.delete<{ Params: ServiceParams }>(
    path,
    { schema: { ...schema, summary: 'Clears the manual weights of a Service' } },
    async ({ params: { namespace, name } }, reply) => send(reply, await view.clearWeights(`${namespace}/${name}`)),
  );
}

function addDrains(app: FastifyInstance, view: AgentView): void {
  const path = '/v1/backends/:namespace/:pod/drain';
  const schema = { tags: ['overrides'], params: PodParamsSchema, response: { 200: DrainSchema } };
  app.put<{ Params: PodParams }>(
    path,
    { schema: { ...schema, summary: 'Gives a Pod no new connections' } },
    async ({ params: { namespace, pod } }, reply) => send(reply, await view.drain(`${namespace}/${pod}`)),
  );
  app.delete<{ Params: PodParams }>(
    path,
    { schema: { ...schema, summary: 'Ends a drain' } },
    async ({ params: { namespace, pod } }, reply) => send(reply, await view.undrain(`${namespace}/${pod}`)),
  );
}

/** Adds everything that asks with a body or changes something. */
export function addOperations(app: FastifyInstance, view: AgentView): void {
  addQuestions(app, view);
  addWeights(app, view);
  addDrains(app, view);
  app.register((scope, _options, done) => {
    addManifests(scope, view);
    done();
  });
}
