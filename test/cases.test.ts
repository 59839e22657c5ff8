import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'ava';
import { readScript, writeScript } from './story/script.js';
import { play } from './story/steps.js';

const folder = 'test/cases';
/** UPDATE_CASES=1 writes what the stories show now; a difference is for review. */
const update = process.env.UPDATE_CASES === '1';

const cases = readdirSync(folder)
  .filter((file) => file.endsWith('.txt'))
  .sort();

for (const file of cases) {
  test(file.slice(0, -'.txt'.length).replaceAll('-', ' '), async (t) => {
    const text = readFileSync(`${folder}/${file}`, 'utf8');
    const played = writeScript(await play(readScript(text)));
    if (update && played !== text) {
      writeFileSync(`${folder}/${file}`, played);
      t.log('written');
    }
    t.is(readFileSync(`${folder}/${file}`, 'utf8'), played);
  });
}

test('there are stories', (t) => {
  t.true(cases.length >= 40);
});
