import type { Clock } from '../clock.js';
import { Followers } from './followers.js';
import { addOperations } from './operations.js';
import { addReads } from './routes.js';
import type { AgentView } from './view.js';

/**
 * The OpenAPI 3.1 document, as JSON. It is made from the routes themselves when it is first asked for, by a second
 * instance that never listens: few agents are asked, and none should carry the generator for it.
 */
export async function describeApi(view: AgentView, clock: Clock): Promise<string> {
  const [{ fastify }, { default: swagger }] = await Promise.all([import('fastify'), import('@fastify/swagger')]);
  const app = fastify({ exposeHeadRoutes: false });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Weft agent',
        description: 'The API of one node. Every answer of 400 and above is an application/problem+json.',
        version: view.status().version,
        license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'Over TCP only.' } } },
    },
  });
  addReads(app, view, clock, new Followers());
  addOperations(app, view);
  await app.ready();
  const json = JSON.stringify(app.swagger());
  await app.close();
  return json;
}
