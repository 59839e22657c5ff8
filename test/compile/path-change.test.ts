import test from 'ava';
import { changePath } from '../../agent/compile/path-change.js';
import type { HttpMatch, PathMatch } from '../../agent/compile/snapshot.js';

function matched(path: PathMatch | undefined): HttpMatch {
  return { path } as HttpMatch;
}

test('a prefix that matched textually is replaced textually', (t) => {
  const change = { type: 'prefix', value: '/new' } as const;
  t.is(changePath(change, matched({ type: 'prefix', value: '/old' }), '/old/x'), '/new/x');
  t.is(changePath(change, matched({ type: 'prefix', value: '/old/' }), '/old/x'), '/newx');
  t.is(changePath({ type: 'prefix', value: '/' }, matched({ type: 'prefix', value: '/old/' }), '/old/x'), '/x');
});

test('the whole path is replaced where an exact path or a regex matched', (t) => {
  const change = { type: 'prefix', value: '/new' } as const;
  t.is(changePath(change, matched({ type: 'exact', value: '/old/x' }), '/old/x'), '/new');
  t.is(changePath(change, matched({ type: 'regex', value: '/old/.*' }), '/old/x'), '/new');
});

test('a match without a path is the prefix /', (t) => {
  t.is(changePath({ type: 'prefix', value: '/new/' }, matched(undefined), '/x/y'), '/new/x/y');
  t.is(changePath({ type: 'prefix', value: '/new' }, undefined, '/x'), '/newx');
});

/** The table of the Gateway API's HTTPPathModifier: path, matched prefix, replacement, result. */
const replacements = [
  ['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz', '/xyz/bar'],
  ['/foo/bar', '/foo/', '/xyz/', '/xyz/bar'],
  ['/foo', '/foo', '/xyz', '/xyz'],
  ['/foo/', '/foo', '/xyz', '/xyz/'],
  ['/foo/bar', '/foo', '', '/bar'],
  ['/foo/', '/foo', '', '/'],
  ['/foo', '/foo', '', '/'],
  ['/foo/', '/foo', '/', '/'],
  ['/foo', '/foo', '/', '/'],
  ['/foo', '/', '/xyz', '/xyz/foo'],
] as const;

for (const [path, prefix, value, result] of replacements) {
  test(`${path}, matched by ${prefix}, with ${value || 'nothing'} instead is ${result}`, (t) => {
    t.is(changePath({ type: 'prefix', value }, matched({ type: 'elements', value: prefix }), path), result);
  });
}

test('a full replacement and a regex', (t) => {
  t.is(changePath({ type: 'full', value: '/x' }, undefined, '/a/b'), '/x');
  t.is(
    changePath(
      { type: 'regex', match: '/service/([^/]+)(/.*)', value: '\\2/instance/\\1' },
      undefined,
      '/service/foo/v1/api',
    ),
    '/v1/api/instance/foo',
  );
  t.is(
    changePath({ type: 'regex', match: 'one', value: 'two' }, undefined, '/xxx/one/yyy/one/zzz'),
    '/xxx/two/yyy/two/zzz',
  );
  t.is(changePath({ type: 'regex', match: 'one', value: 'two' }, undefined, '/three'), '/three');
});
