#!/usr/bin/env bash
# Runs the C kernels' vector code for arm64 (NEON) under emulation, against the scalar references, on other machines.
# Needs Debian's gcc-aarch64-linux-gnu and qemu-user, which it installs if there is apt.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
  as_root=()
  [ "$(id -u)" -eq 0 ] || as_root=(sudo)
  "${as_root[@]}" apt-get -qq update
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
    gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# clang, as in the package itself; the cross compiler gives headers, libraries and the linker.
for file in Sources/CKernels/*.c Tests/Kernels/*.c; do
  clang --target=aarch64-linux-gnu --sysroot=/usr/aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -O2 -Wall -Werror \
    -ISources/CKernels/include -c "$file" -o "$folder/$(basename "$file" .c).o"
done
aarch64-linux-gnu-gcc -static "$folder"/*.o -lm -o "$folder/parity"
qemu-aarch64 "$folder/parity"
