import { groupVersion, type Resource } from './resources.js';

type Json = Readonly<Record<string, unknown>>;

/** The release whose behaviour is followed. */
export const version: Json = {
  ...{ major: '1', minor: '36', emulationMajor: '1', emulationMinor: '36' },
  ...{ minCompatibilityMajor: '1', minCompatibilityMinor: '35', gitVersion: 'v1.36.2' },
  ...{ gitTreeState: 'clean', compiler: 'node', platform: 'linux/amd64' },
};

const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'];

function groupOf(name: string, resources: readonly Resource[]): Json {
  const versions = [...new Set(resources.filter(({ group }) => group === name).flatMap(({ versions }) => versions))];
  const said = versions.map((version) => ({ groupVersion: groupVersion(name, version), version }));
  return { name, versions: said, preferredVersion: said[0] };
}

function resourceList(group: string, version: string, resources: readonly Resource[]): Json | undefined {
  const served = resources.filter((resource) => resource.group === group && resource.versions.includes(version));
  if (served.length === 0) return undefined;
  const told = served.flatMap(({ plural, kind, namespaced, status }) => [
    { name: plural, singularName: kind.toLowerCase(), namespaced, kind, verbs },
    ...(status
      ? [{ name: `${plural}/status`, singularName: '', namespaced, kind, verbs: ['get', 'patch', 'update'] }]
      : []),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: groupVersion(group, version), resources: told };
}

/** /api, /apis, /apis/GROUP, /api/v1 and /apis/GROUP/VERSION; undefined for any other path and what is not installed. */
export function discovery(path: string, resources: readonly Resource[]): Json | undefined {
  const [root, ...rest] = path.split('/').slice(1);
  if (root === 'api') {
    if (rest.length === 0) return { kind: 'APIVersions', versions: ['v1'] };
    return rest.length === 1 ? resourceList('', rest[0]!, resources) : undefined;
  }
  if (root !== 'apis') return undefined;
  const groups = [...new Set(resources.map(({ group }) => group))].filter((name) => name !== '');
  if (rest.length === 0) {
    const told = groups.map((name) => groupOf(name, resources));
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: told };
  }
  const [group = '', version] = rest;
  if (!groups.includes(group) || rest.length > 2) return undefined;
  if (version !== undefined) return resourceList(group, version, resources);
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, resources) };
}
