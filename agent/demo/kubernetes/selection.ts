import { badRequest } from './refusal.js';
import type { Resource } from './resources.js';
import type { Stored } from './stored.js';

export type Selects = (object: Stored) => boolean;

/** Parts of a selector: commas inside parentheses belong to a set. */
const partsOf = (text: string): readonly string[] =>
  text
    .split(/,(?![^(]*\))/)
    .map((part) => part.trim())
    .filter((part) => part !== '');

const setOf = (text: string): ReadonlySet<string> => new Set(text.split(',').map((value) => value.trim()));

function labelRequirement(part: string): Selects {
  const among = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (among) {
    const [, key = '', word, values = ''] = among;
    const set = setOf(values);
    return ({ labels }) => (labels[key] !== undefined && set.has(labels[key])) === (word === 'in');
  }
  const compared = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/.exec(part);
  if (compared) {
    const [, key = '', operator, value = ''] = compared;
    return ({ labels }) => (labels[key] === value) === (operator !== '!=');
  }
  const presence = /^(!?)\s*([\w./-]+)$/.exec(part);
  if (presence) return ({ labels }) => (labels[presence[2]!] !== undefined) === (presence[1] === '');
  throw badRequest(`unable to parse requirement: found '${part}'`);
}

function fieldRequirement(part: string, { fields }: Resource): Selects {
  const compared = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!\s]*)$/.exec(part);
  if (!compared) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
  const [, path = '', operator, value = ''] = compared;
  if (path !== 'metadata.name' && path !== 'metadata.namespace' && !fields.includes(path))
    throw badRequest(`field label not supported: ${path}`);
  return (object) => (object.fields.get(path) === value) === (operator !== '!=');
}

/**
 * What a list or a watch shows: a namespace (undefined: all), a labelSelector (equality, sets and presence), a fieldSelector. A bad one is
 * refused with 400.
 */
export function selection(resource: Resource, namespace: string | undefined, labels: string, fields: string): Selects {
  const all = [
    ...partsOf(labels).map(labelRequirement),
    ...partsOf(fields).map((part) => fieldRequirement(part, resource)),
  ];
  if (namespace !== undefined) all.push((object) => object.namespace === namespace);
  return (object) => all.every((selects) => selects(object));
}
