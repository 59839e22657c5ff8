// Writes deploy/problems.md, the documented entry of every problem code, from the built agent.
import { writeFileSync } from 'node:fs';
import { showCodes } from '../dist/agent/model/problem-codes.js';

writeFileSync(new URL('problems.md', import.meta.url), showCodes());
