// What `npm install` runs. A binding.gyp at the top makes npm build the addon by itself, before the Debian packages
// that it needs are there; so this says what to run instead. `npm run build` builds all three parts.
import { existsSync } from 'node:fs';

if (!existsSync('build/Release/weft.node'))
  process.stderr.write('weft: `npm run build` builds the addon, the BPF programs and the agent\n');
