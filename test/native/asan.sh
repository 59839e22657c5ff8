#!/usr/bin/env bash
# Builds the addon with AddressSanitizer into out/asan and runs its tests on that build. Exits with 1 when a test fails or any
# process, children included, wrote a report. Needs root, BPF, g++ and libasan; takes about a minute.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$PWD/out/asan
mkdir -p "$out/native"
cp -p binding.gyp "$out/"
cp -p native/* "$out/native/"
ln -sfn "$PWD/node_modules" "$out/node_modules"
echo '{"name":"weft-asan","version":"0.0.0","private":true}' >"$out/package.json"

sanitize='-fsanitize=address -fno-omit-frame-pointer -g1'
(
  cd "$out"
  export CXXFLAGS=$sanitize LDFLAGS=-fsanitize=address JOBS=max
  if [ ! -f build/Makefile ] || [ binding.gyp -nt build/Makefile ]; then npx node-gyp configure --silent; fi
  npx node-gyp build --silent
)

rm -f "$out"/report.*
export WEFT_NATIVE=$out/build/Release/weft.node WEFT_REQUIRE_KERNEL=1
# Node keeps memory until its end, so leaks are not looked for here: the descriptor count of the collector's test is.
export ASAN_OPTIONS=detect_leaks=0:log_path=$out/report:abort_on_error=0:exitcode=86
# Exceptions are thrown through libstdc++, which has to come up together with the sanitizer.
preload="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so.6)"

status=0
LD_PRELOAD=$preload node node_modules/ava/entrypoints/cli.mjs --concurrency=3 dist/test/native/*.test.js || status=1
if compgen -G "$out/report.*" >/dev/null; then
  cat "$out"/report.* >&2
  status=1
fi
exit $status
