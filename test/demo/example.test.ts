import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { staticManifests } from '../../agent/demo/manifests.js';

/** Where the document with the example lies beside the repository. */
const document = join(staticManifests, '../../../shared/seed.md');

interface Part {
  readonly file: string;
  /** Of a fenced block, and which of its language it is. */
  readonly language: string;
  readonly index: number;
  readonly sha256: string;
}

/** What the demo takes from the document byte for byte. */
const parts: readonly Part[] = [
  {
    file: 'app.py',
    language: 'python',
    index: 0,
    sha256: 'f8ef71b028c7fe4446774da57060a2a8ed4e2d78f230627f3237a6e2d82459ea',
  },
  {
    file: 'deployments.yaml',
    language: 'yaml',
    index: 0,
    sha256: '627a7584f7c0c8dde9f5d75a570f9a3da760c01934b7900efbdf7955c3031e89',
  },
  {
    file: 'routing.yaml',
    language: 'yaml',
    index: 1,
    sha256: '57b7e4f029bd1d414a003f2b149dfdbf9715a5cef05a3458e94c53c618555eca',
  },
];

/** The blocks of a language between lines of three backticks. */
function blocksOf(markdown: string, language: string): string[] {
  return [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter(([, name]) => name === language)
    .map(([, , text]) => text!);
}

test('what the demo takes from the example has not changed by a byte', (t) => {
  for (const { file, sha256 } of parts) {
    const digest = createHash('sha256').update(readFileSync(join(staticManifests, file)));
    t.is(digest.digest('hex'), sha256, file);
  }
});

const isThere = existsSync(document);
const title = 'the demo’s application, Deployments and rules are those of the document';
(isThere ? test : test.skip)(isThere ? title : `${title} [skipped: no ${document}]`, (t) => {
  const markdown = readFileSync(document, 'utf8');
  for (const { file, language, index } of parts)
    t.is(readFileSync(join(staticManifests, file), 'utf8'), blocksOf(markdown, language)[index]!, file);
});
