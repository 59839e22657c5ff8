import type { Problem } from '../../../agent/model/problem.js';
import { eventually } from '../../agent/site.js';
import { kernelTest } from '../../kernel-test.js';
import { backend, destinationRule, openShop, toShop, virtualService } from './shop.js';

const good = `${destinationRule('subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]')}---
${virtualService('- route: [{ destination: { host: shop, subset: v1 } }]')}`;

/** One file each; `code` of the problem that it makes, and the line that it is on. */
const bad: Readonly<Record<string, { readonly text: string; readonly says: RegExp; readonly line: number }>> = {
  'unknown field': {
    text: virtualService('- retires: { attempts: 2 }\n  route: [{ destination: { host: shop, subset: v2 } }]'),
    says: /retires/,
    line: 7,
  },
  'field of another type': {
    text: virtualService('- timeout: soon\n  route: [{ destination: { host: shop, subset: v2 } }]'),
    says: /timeout|duration/,
    line: 7,
  },
  'regex that is none': {
    text: virtualService('- match: [{ uri: { regex: "(a" } }]\n  route: [{ destination: { host: shop, subset: v2 } }]'),
    says: /regex|RE2|parenthes/i,
    line: 7,
  },
  'regex that is too large': {
    text: virtualService(
      '- match: [{ uri: { regex: "((((a{1,1000}){1,1000}){1,1000}){1,1000})" } }]\n  route: [{ destination: { host: shop, subset: v2 } }]',
    ),
    says: /regex|RE2|repe|large/i,
    line: 7,
  },
  'a look-ahead': {
    text: virtualService(
      '- match: [{ uri: { regex: "(?=a)b" } }]\n  route: [{ destination: { host: shop, subset: v2 } }]',
    ),
    says: /regex|RE2|\(\?/i,
    line: 7,
  },
  'no YAML': { text: 'apiVersion: networking.istio.io/v1\nkind: [VirtualService\n', says: /./, line: 0 },
};

/** What takes effect although something about it is odd. */
const odd: Readonly<Record<string, { readonly text: string; readonly says: RegExp }>> = {
  shadowed: {
    text: virtualService(`- route: [{ destination: { host: shop, subset: v1 } }]
- match: [{ uri: { prefix: /never } }]
  route: [{ destination: { host: shop, subset: v2 } }]`),
    says: /http\[0\] takes all of its requests/,
  },
  conflicting: {
    text: `${virtualService('- route: [{ destination: { host: shop, subset: v1 } }]')}---
${virtualService('- route: [{ destination: { host: shop, subset: v2 } }]').replace('name: shop', 'name: zzz')}`,
    says: /default\/shop/,
  },
  dangling: {
    text: virtualService(`- match: [{ uri: { prefix: /dangling } }]
  route: [{ destination: { host: nowhere } }]
- route: [{ destination: { host: shop, subset: v1 } }]`),
    says: /nowhere/,
  },
};

kernelTest('rules that are wrong are told where, and the last good ones serve on', async (t) => {
  const { client, show, site } = await openShop(t, 2);
  await show(good);
  await client.load({ address: toShop.address, port: toShop.port, connections: 4, rate: 200 });
  const problems = async (): Promise<readonly Problem[]> => site.agent.items<Problem>('problems');
  for (const [name, { text, says, line }] of Object.entries(bad)) {
    const [rule] = good.split('---\n');
    site.writeText('rules.yaml', `${text}---\n${name === 'no YAML' ? '' : rule}`);
    await eventually(problems, (all) =>
      all.some(
        (each) => each.severity === 'error' && each.file.endsWith('rules.yaml') && says.test(each.message + each.path),
      ),
    );
    const told = (await problems()).filter((each) => each.severity === 'error' && each.file.endsWith('rules.yaml'));
    t.true(told.length > 0 && told.every((each) => /^WEFT\d{4}$/.test(each.code) && each.line > 0), name);
    if (line > 0)
      t.true(
        told.some((each) => each.line >= line),
        `${name}: ${JSON.stringify(told)}`,
      );
    const { code, stdout } = await site.agent.weft('validate', `${site.manifests}/rules.yaml`);
    t.is(code, 65, name);
    t.regex(stdout, /rules\.yaml:\d+:\d+ .*\[WEFT\d{4}\]/i, name);
    t.deepEqual(await client.spread(toShop, 20), { [backend(1)]: 20 }, `${name}: the last good rule`);
  }
  for (const [name, { text, says }] of Object.entries(odd)) {
    await show(
      `${destinationRule('subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }]')}---\n${text}`,
    );
    await eventually(problems, (all) =>
      all.some(
        ({ file, line, message, severity }) => severity === 'warning' && file !== '' && line > 0 && says.test(message),
      ),
    );
    const { stdout } = await site.agent.weft('get', 'problems');
    t.regex(stdout, says, name);
    t.deepEqual(await client.spread(toShop, 20), { [backend(1)]: 20 }, name);
  }
  const result = await client.stop();
  t.true(result.requests > 200);
  t.is(result.failed, 0, JSON.stringify(result.failures));
});

kernelTest('a regex whose text explodes elsewhere costs nothing here', async (t) => {
  const { client, show } = await openShop(t, 1);
  await show(
    virtualService(`- match: [{ uri: { regex: "/(a+)+(b+)+$" } }, { headers: { x: { regex: "(.*)*(.*)*(.*)*y" } } }]
  directResponse: { status: 418 }
- route: [{ destination: { host: shop } }]`),
  );
  const evil = { ...toShop, path: `/${'a'.repeat(4000)}!`, headers: { ...toShop.headers, x: 'x'.repeat(4000) } };
  await client.ask(toShop);
  const answer = await client.ask(evil);
  t.is(answer.status, 200);
  t.true(answer.ms < 3000, `${answer.ms} ms`);
});
