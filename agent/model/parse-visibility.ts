import { textsOf } from './checked.js';
import { at, type Raw } from './fields.js';
import { type Findings, quote } from './findings.js';
import { isName, nameForms } from './names.js';

/** `spec.exportTo`: the namespaces whose clients see the object, `.` resolved; undefined for all (`*`, or omitted). */
export function readExportTo(found: Findings, spec: Raw, namespace: string): readonly string[] | undefined {
  const written = textsOf(spec, 'exportTo');
  if (written.length === 0) return undefined;
  for (const [index, name] of written.entries()) {
    if (name === '*' || name === '.' || name === '~' || isName('label1123', name)) continue;
    found.error(
      'WEFT0204',
      at('spec.exportTo', index),
      `must be *, . or a namespace (${nameForms.label1123}), not ${quote(name)}`,
    );
  }
  if (written.includes('*')) {
    if (written.length > 1) found.error('WEFT0212', 'spec.exportTo', '* already stands for every namespace');
    return undefined;
  }
  return [...new Set(written.filter((name) => name !== '~').map((name) => (name === '.' ? namespace : name)))];
}
