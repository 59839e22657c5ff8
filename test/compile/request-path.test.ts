import test from 'ava';
import fc from 'fast-check';
import { requestPath, requestTarget } from '../../agent/compile/request-path.js';

/** Envoy's own cases for `normalize_path` among them. */
const normal: Readonly<Record<string, string>> = {
  '/': '/',
  '/xyz': '/xyz',
  '/x/y/z': '/x/y/z',
  '/a/b/../c': '/a/c',
  '/a/b/./c': '/a/b/c',
  '/a/b/../../../../c': '/c',
  '/a/..\\c': '/c',
  '/%c0%af': '/%c0%af',
  '/%5c%25': '/%5c%25',
  '/a/b/%2E%2E/c': '/a/c',
  '/a/b/%2e%2e/c': '/a/c',
  '/a/b/.%2e/c': '/a/c',
  '/a/%2e/c': '/a/c',
  '/A/B/C': '/A/B/C',
  '/a/%2F%2f/c': '/a/%2F%2f/c',
  '/a//b': '/a//b',
  '//a': '//a',
  '/a//../b': '/a/b',
  '/a/..': '/',
  '/a/b/..': '/a/',
  '/a/.': '/a/',
  '/..': '/',
  '/.': '/',
  '/...': '/...',
  '/a/.b/..c/d..': '/a/.b/..c/d..',
  '/%41%7e%2D%5F%30': '/A~-_0',
  '/%2541': '/%2541',
  '\\a': '',
  '/a\\b': '/a/b',
  '/a b': '',
  '/a#b': '',
  '/a?b': '',
  '/\u00e9': '',
  '/<a>"^`{|}': '/%3Ca%3E%22%5E%60%7B%7C%7D',
  '/%3c': '/%3c',
  '/%': '',
  '/%2': '',
  '/%zz': '',
  '/%00': '',
  '/xyz/.%00../abc': '',
  '/xyz/AAAAA%%0000/abc': '',
  '/a\x7f': '',
  '': '',
  'a/b': '',
  '*': '',
};

test('a path has one form, as Envoy gives it, or none', (t) => {
  for (const [path, expected] of Object.entries(normal)) t.is(requestPath(path) ?? '', expected, path);
});

test('a query stays as it was', (t) => {
  t.is(requestTarget('/a/../b?c/../d=%41%zz\\'), '/b?c/../d=%41%zz\\');
  t.is(requestTarget('/a?'), '/a?');
  t.is(requestTarget('/a?b c'), undefined);
  t.is(requestTarget('/a?b#c'), undefined);
  t.is(requestTarget('?a'), undefined);
});

const part = fc.constantFrom(
  '/',
  '.',
  '..',
  '%2e',
  '%2E',
  '%2f',
  '%25',
  '%41',
  '%',
  '\\',
  'a',
  '?',
  '<',
  '%00',
  '\xa0',
);
const path = fc.array(part, { maxLength: 12 }).map((parts) => `/${parts.join('')}`);

test('normalising twice changes nothing', (t) => {
  fc.assert(
    fc.property(path, (text) => {
      const once = requestTarget(text);
      return once === undefined || requestTarget(once) === once;
    }),
    { numRuns: 5000 },
  );
  t.pass();
});

test('what is left has no dot segment, however it was spelled', (t) => {
  fc.assert(
    fc.property(path, (text) => {
      const normalised = requestPath(text);
      if (normalised === undefined) return true;
      const decoded = normalised.replace(/%2e/gi, '.').replaceAll('\\', '/');
      return normalised.startsWith('/') && !decoded.split('/').some((segment) => segment === '.' || segment === '..');
    }),
    { numRuns: 5000 },
  );
  t.pass();
});
