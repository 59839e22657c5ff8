import test from 'ava';
import type { PolicyVariant } from '../../agent/balance/cluster.js';
import { variantFor } from '../../agent/balance/variant.js';

function variants(...when: readonly Partial<PolicyVariant['when']>[]): readonly PolicyVariant[] {
  return when.map((each) => ({ when: { namespaces: undefined, labels: undefined, ...each } }) as PolicyVariant);
}

const client = { namespace: 'shop', labels: { app: 'web', tier: 'front' } };
const three = variants({ namespaces: ['shop'], labels: { app: 'web' } }, { namespaces: ['shop', 'else'] }, {});

test('the first variant that fits, by namespace and labels', (t) => {
  t.is(variantFor(three, client), 0);
  t.is(variantFor(three, { ...client, labels: { app: 'other' } }), 1);
  t.is(variantFor(three, { namespace: 'else', labels: {} }), 1);
  t.is(variantFor(three, { namespace: 'third', labels: { app: 'web' } }), 2);
});

test('clients from outside fit no namespace and no labels', (t) => {
  t.is(variantFor(three, undefined), 2);
  t.is(variantFor(variants({ labels: {} }, {}), undefined), 1);
});

test('the last fits everybody', (t) => {
  t.is(variantFor(variants({ namespaces: ['else'] }), client), 0);
  t.is(variantFor(variants({ namespaces: ['else'] }, { namespaces: ['third'] }), client), 1);
});
