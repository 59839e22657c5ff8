import test from 'ava';
import fc from 'fast-check';
import { compileRegex, type RegexMatcher, rewriteError } from '../../agent/model/regex.js';

function compiled(text: string): RegexMatcher {
  const result = compileRegex(text);
  if (!result.ok) throw new Error(result.error);
  return result.matcher;
}

const matches: readonly (readonly [string, string, boolean])[] = [
  ['/v[0-9]+', '/v12', true],
  ['/v[0-9]+', '/v12/', false],
  ['/v[0-9]+', 'x/v1', false],
  ['a|ab', 'ab', true],
  ['(?i)abc', 'ABC', true],
  ['.*', '', true],
  ['.+', 'a\nb', false],
  ['(?s).+', 'a\nb', true],
  ['\\p{Greek}+', 'αβγ', true],
  ['^a$', 'a', true],
];

for (const [regex, text, expected] of matches) {
  test(`${JSON.stringify(regex)} is matched in full against ${JSON.stringify(text)}`, (t) => {
    t.is(compiled(regex).matches(text), expected);
  });
}

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['nothing', '', /empty/],
  ['look-ahead', '(?=a)b', /Perl syntax/],
  ['look-behind', '(?<!a)b', /./],
  ['a back-reference', '(a)\\1', /escape/],
  ['an open group', '(a', /missing closing/],
  ['a glob', '*', /missing argument/],
  ['a text that is too long', 'a'.repeat(1_025), /1024/],
  ['a repetition that is too long', 'a{0,1001}', /repeat count/],
  ['repetitions of repetitions', '((a{10}){10}){10}{2}', /./],
  ['many repetitions', '(ab{500}){9}', /too large|repeat count/],
  ['a long text, often', `(${'ab'.repeat(400)}){900}`, /too large/],
  ['a long class, often', '(([a-z]|[0-9]|x){300}y?){3}', /instructions|too large/],
];

for (const [title, regex, expected] of refused) {
  test(`refused: ${title}`, (t) => {
    const result = compileRegex(regex);
    t.false(result.ok);
    if (!result.ok) t.regex(result.error, expected);
  });
}

test('an expression that backtracks elsewhere takes linear time', (t) => {
  const matcher = compiled('(a*)*b');
  t.false(matcher.matches('a'.repeat(20_000)));
});

test('a rewrite puts groups in', (t) => {
  const matcher = compiled('/users/([a-z]+)/(\\d+)');
  t.is(matcher.groups, 2);
  t.is(matcher.replaceAll('/users/bob/7/users/al/8', '/u/\\2-\\1\\\\$1'), '/u/7-bob\\$1/u/8-al\\$1');
  t.is(matcher.replaceAll('/x', '/y'), '/x');
  t.is(compiled('b').replaceAll('abc', '[\\0]'), 'a[b]c');
  t.is(compiled('a(x)?').replaceAll('a', '<\\1>'), '<>');
});

test('a rewrite that refers to nothing is told', (t) => {
  const matcher = compiled('(a)');
  t.is(rewriteError({ match: '(a)', rewrite: '/\\1\\0\\\\' }, matcher), undefined);
  t.regex(rewriteError({ match: '(a)', rewrite: '\\2' }, matcher)!, /group/);
  t.regex(rewriteError({ match: '(a)', rewrite: '\\x' }, matcher)!, /backslash/);
  t.regex(rewriteError({ match: '(a)', rewrite: 'a\\' }, matcher)!, /backslash/);
});

test('what both engines know means the same, and small expressions are never refused', (t) => {
  const { expression } = fc.letrec<{ expression: string }>((tie) => ({
    expression: fc.oneof(
      { maxDepth: 3 },
      fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\d', 'x'),
      fc.tuple(tie('expression'), tie('expression')).map(([left, right]) => `${left}${right}`),
      fc.tuple(tie('expression'), tie('expression')).map(([left, right]) => `(?:${left}|${right})`),
      fc
        .tuple(tie('expression'), fc.constantFrom('*', '+', '?', '{0,2}', '{2}'))
        .map(([each, mark]) => `(?:${each})${mark}`),
    ),
  }));
  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'x', '1'), maxLength: 8 });
  fc.assert(
    fc.property(expression, text, (regex, value) => {
      t.is(compiled(regex).matches(value), new RegExp(`^(?:${regex})$`, 'u').test(value));
    }),
    { numRuns: 1_000 },
  );
});
