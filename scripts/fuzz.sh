#!/usr/bin/env bash
# Fuzzes the readers, each target for SECONDS_EACH seconds: fuzz.sh SECONDS_EACH [TARGET...]
# An input that crashes, or takes over a second or over a gigabyte, fails and is kept in .build-fuzz/findings.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(hdf5 npz safetensors pytorch keras index names jpeg png webp tiff gif bmp tar zip csv mat pickle json rules)

VTKIT_FUZZ_BUILD=1 swift build -c release -Xswiftc -enable-testing --scratch-path .build-fuzz/swift --sanitize fuzzer --product fuzz
fuzz=.build-fuzz/swift/release/fuzz

# Small files of the fixtures to begin with; what the fuzzer learns is kept beside them for the next time.
seeds() {
  local name
  case $1 in
    hdf5) name='*.h5' ;;
    pytorch) name='*.pth' ;;
    index) name='*.index.json' ;;
    names) name='*.safetensors' ;;
    jpeg) name='*.jpg' ;;
    pickle) find fixtures/data-sets -path '*-py*/*' -size -40k; return ;;
    rules) find converters -name '*.yaml' -size -40k; return ;;
    *) name="*.$1" ;;
  esac
  find fixtures -name "$name" -size -120k
}

mkdir -p .build-fuzz/findings
for target in "${targets[@]}"; do
  corpus=.build-fuzz/corpus/$target
  mkdir -p "$corpus"
  while read -r file; do cp "$file" "$corpus/$(echo "$file" | tr / _)"; done < <(seeds "$target")
  echo "== $target: $(ls "$corpus" | wc -l) inputs to begin with"
  log=$(mktemp)
  # -timeout includes loading and other load on the machine: it catches hangs only.
  if ! VTKIT_FUZZ=$target "$fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=131072 \
    -artifact_prefix=".build-fuzz/findings/$target-" -print_final_stats=1 -verbosity=1 "$corpus" >"$log" 2>&1; then
    tail -40 "$log"
    rm -f "$log"
    echo "the fuzzer found something: see .build-fuzz/findings" >&2
    exit 1
  fi
  grep -E 'stat::number_of_executed_units|stat::peak_rss_mb|stat::slowest_unit_time_sec' "$log" || true
  rm -f "$log"
done
