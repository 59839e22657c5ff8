#!/bin/sh
# Builds the image with Debian's own tools and no container engine: base images by debootstrap, the Dockerfile by buildah in chroot isolation.
# Not part of `npm test`: it needs root, some minutes, 3 GB and Debian's mirrors. It runs
# `weft --version`, `weft validate` and `weft doctor` in the result.
#
#   sh test/deploy/image.sh [DIR]     DIR keeps the base between runs; default: a new one that is removed
#
# Needs the Debian packages buildah and debootstrap.
set -eu
cd "$(dirname "$0")/../.."
missing=
for tool in buildah debootstrap; do command -v $tool >/dev/null || missing="$missing $tool"; done
[ -z "$missing" ] || { echo "missing:$missing (apt-get install --no-install-recommends buildah debootstrap)" >&2; exit 77; }

keep=${1:-}
work=${keep:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ -n "$keep" ] || trap 'rm -rf "$work"' EXIT
suite=bookworm
b() { buildah --root "$work/storage" --runroot "$work/run" --storage-driver vfs "$@"; }

if [ ! -e "$work/rootfs/.complete" ]; then
  rm -rf "$work/rootfs"
  debootstrap --variant=minbase --include=ca-certificates $suite "$work/rootfs"
  touch "$work/rootfs/.complete"
fi

# base NAME: an image of the minimal system; with Node, that of this machine, where a Node image has it.
base() {
  container=$(b from scratch)
  b copy -q "$container" "$work/rootfs" / >/dev/null
  if [ "$1" = node ]; then
    node=$(node -p process.execPath)
    prefix=$(dirname "$(dirname "$node")")
    b copy -q "$container" "$node" /usr/local/bin/node >/dev/null
    b copy -q "$container" "$prefix/include/node" /usr/local/include/node >/dev/null
    b copy -q "$container" "$prefix/lib/node_modules/npm" /usr/local/lib/node_modules/npm >/dev/null
    # npm trusts what this machine trusts: a company's own authority, say.
    b copy -q "$container" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
    b config --env NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "$container"
    b run --isolation chroot "$container" -- sh -c 'ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
      && apt-get update -q && apt-get install -q -y --no-install-recommends libstdc++6 && rm -rf /var/lib/apt/lists/*'
  fi
  b commit -q --rm "$container" "weft-base-$1" >/dev/null
}
for name in debian node; do
  b inspect --type image "weft-base-$name" >/dev/null 2>&1 || base $name
done

# What is committed, so that a file that is missing there is missed here.
rm -rf "$work/context"
mkdir "$work/context"
git archive HEAD | tar -x -C "$work/context"
b bud --isolation chroot --format oci --layers -f "$work/context/deploy/Dockerfile" \
  --build-arg BUILD_IMAGE=localhost/weft-base-node --build-arg NODE_IMAGE=localhost/weft-base-node \
  --build-arg RUNTIME_IMAGE=localhost/weft-base-debian --build-arg "REVISION=$(git rev-parse HEAD)" -t weft-image-test "$work/context"

container=$(b from weft-image-test)
in_image() { b run --isolation chroot "$container" -- "$@"; }
version=$(in_image weft --version)
[ "$version" = "$(node -p 'require("./package.json").version')" ] || { echo "weft --version says $version" >&2; exit 1; }
for absent in clang gcc g++ cc make python3 npm; do
  if in_image sh -c "command -v $absent"; then echo "the image has $absent" >&2; exit 1; fi
done
in_image sh -c 'command -v mount && command -v nsenter && ldd /opt/weft/build/Release/weft.node' >/dev/null
in_image sh -c '! ldd /opt/weft/build/Release/weft.node /opt/weft/build/Release/weft-sockets | grep "not found"'
b copy -q "$container" deploy/demo/cluster.yaml /tmp/cluster.yaml >/dev/null
in_image weft validate /tmp/cluster.yaml
root=$(b mount "$container")
size=$(du -sm "$root" | cut -f1)
# With this machine's kernel: the image's own libraries load its programs.
unshare --mount --propagation private sh -ec 'mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && exec chroot "$1" weft doctor' sh "$root"
b umount "$container" >/dev/null
b rm "$container" >/dev/null
echo "built: weft $version, $size MB unpacked"
