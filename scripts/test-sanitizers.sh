#!/usr/bin/env bash
# The C code under AddressSanitizer and UndefinedBehaviorSanitizer: every kernel on arrays of exactly its size, every image
# decoder on whole and damaged files. test-sanitizers.sh [RUNS] damages each file RUNS times (300 by default). With
# `swift` as second argument, the tests of VTTensor and VTData run under AddressSanitizer, too, and those of the engine and of
# training under ThreadSanitizer: two more builds.
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-300}
build=.build-sanitizers
sanitize="-fsanitize=address,undefined -fno-sanitize-recover=all"

# compile NAME FILE... -- FLAG...: links the C files into $build/NAME. lld, as gold warns of every symbol of the runtime.
compile() {
  local name=$1 files=()
  shift
  while [ "$1" != -- ]; do files+=("$1"); shift; done
  shift
  mkdir -p "$build"
  # shellcheck disable=SC2086
  clang -g -O1 -Wall -Werror $sanitize "${files[@]}" "$@" -fuse-ld=lld -lm -o "$build/$name"
}

libraries=(libtiff-4 libwebpdemux libpng libjpeg)
compile kernels Sources/CKernels/*.c Tests/Kernels/*.c -- -ISources/CKernels/include
compile images Sources/CImaging/*.c Tests/Images/mutate.c -- -ISources/CImaging/include \
  $(pkg-config --cflags --libs "${libraries[@]}") -lgif

echo "== kernels"
# The tests free nothing, the kernels allocate nothing.
ASAN_OPTIONS=detect_leaks=0 "$build/kernels"
echo "== image decoders"
find fixtures/reference -size -60k -regextype egrep -regex '.*\.(jpg|png|webp|gif|tiff?|bmp)' -print0 | sort -z \
  | xargs -0 "$build/images" "${SEED:-1}" "$runs"

if [ "${2:-}" = swift ]; then
  echo "== Swift, addresses"
  # Swift keeps flags in the pointers of its globals, so that the leak detector takes them for lost.
  ASAN_OPTIONS=detect_leaks=0 swift test --sanitize address --scratch-path "$build/address" --filter 'VTTensorTests|VTDataTests'
  echo "== Swift, threads"
  swift test --sanitize thread --scratch-path "$build/thread" --filter 'VTTensorTests|VTTrainingTests'
fi
