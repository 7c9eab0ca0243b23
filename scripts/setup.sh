#!/usr/bin/env bash
# Checks that the Swift toolchain and the system libraries are there; installs missing libraries if the machine
# has apt, and says what to install elsewhere.
set -euo pipefail

if ! command -v swift >/dev/null; then
  echo "Swift 6.1 or later is missing: see https://www.swift.org/install" >&2
  exit 1
fi

pairs=(hdf5:libhdf5-dev libdeflate:libdeflate-dev zlib:zlib1g-dev
  libpng:libpng-dev libjpeg:libjpeg62-turbo-dev libwebpdemux:libwebp-dev libtiff-4:libtiff-dev)
# Apple's systems have a BLAS in Accelerate and SHA-256 in CryptoKit.
[ "$(uname)" = Darwin ] || pairs+=(openblas:libopenblas-dev nettle:nettle-dev)
missing=()
for pair in "${pairs[@]}"; do
  if ! command -v pkg-config >/dev/null || ! pkg-config --exists "${pair%%:*}"; then
    missing+=("${pair##*:}")
  fi
done
command -v pkg-config >/dev/null || missing+=(pkg-config)
# giflib has no pkg-config file.
[ -e /usr/include/gif_lib.h ] || [ -e /usr/local/include/gif_lib.h ] || [ -e /opt/homebrew/include/gif_lib.h ] ||
  missing+=(libgif-dev)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(uname)" = Darwin ]; then
  echo "install first: brew install pkg-config hdf5 libdeflate libpng jpeg-turbo webp libtiff giflib" >&2
  exit 1
fi
if ! command -v apt-get >/dev/null; then
  echo "install OpenBLAS and the development files of HDF5, libdeflate, zlib, libpng, libjpeg-turbo, libwebp, libtiff, giflib and Nettle first" >&2
  exit 1
fi

as_root=()
[ "$(id -u)" -eq 0 ] || as_root=(sudo)
echo "installing ${missing[*]}"
"${as_root[@]}" apt-get -qq update
# Ubuntu calls Debian's libjpeg package by its general name.
if [ -z "$(apt-cache policy libjpeg62-turbo-dev)" ]; then
  missing=("${missing[@]/libjpeg62-turbo-dev/libjpeg-dev}")
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "${missing[@]}"
