import { readFileSync } from 'node:fs';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { ApiError } from '../../../agent/kubernetes/api.js';
import { resourcesFor, secretNamed } from '../../../agent/sources/kubernetes/resource.js';
import { troubleOf } from '../../../agent/sources/kubernetes/trouble.js';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const forbidden = new ApiError('no', 403, 'Forbidden');

/** Of the ClusterRole that is installed, the verbs by `PLURAL.GROUP`. */
function granted(): ReadonlyMap<string, readonly string[]> {
  const manifests = parseAllDocuments(readFileSync('deploy/daemonset.yaml', 'utf8')).map((each) => each.toJS());
  const { rules } = manifests.find((each) => each?.kind === 'ClusterRole') as { readonly rules: readonly Rule[] };
  return new Map(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((plural) => [`${plural}.${group}`, verbs] as const)),
    ),
  );
}

test('a refusal names the verbs that the chart grants for the resource, no more and no fewer', (t) => {
  const verbs = granted();
  for (const resource of resourcesFor('here')) {
    const { group, plural } = resource;
    const wanted = verbs.get(`${plural}.${group}`) ?? [];
    const rule = `apiGroups: ["${group}"], resources: ["${plural}"], verbs: ${JSON.stringify(wanted).replaceAll(',', ', ')}`;
    t.is(
      troubleOf(forbidden, resource, 'watch').text,
      `may not watch ${plural}: add to the agent’s ClusterRole ${rule} (no)`,
    );
  }
});

test('of a Secret it names a Role of the namespace too', (t) => {
  t.is(
    troubleOf(forbidden, secretNamed('shop', 'cert', false), 'list').text,
    'may not list secrets: add to the agent’s ClusterRole (or a Role in shop) apiGroups: [""], resources: ["secrets"], verbs: ["list", "watch"] (no)',
  );
});
