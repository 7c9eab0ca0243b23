#!/usr/bin/env bash
# Builds the documentation of `import VTKit` from its sources and Sources/VTKit/VTKit.docc; any warning fails.
# documentation.sh [FOLDER] writes it to FOLDER, to .build/documentation where left out.
set -euo pipefail
cd "$(dirname "$0")/.."
output=${1:-.build/documentation}

swift build --target VTKit
bin=$(swift build --show-bin-path)
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT

# The C modules that VTKit's own modules import, and Yams's.
flags=()
for folder in Sources/C* .build/checkouts/Yams/Sources/CYaml; do
  name=${folder##*/}
  for map in "$folder/module.modulemap" "$folder/include/module.modulemap" "$bin/$name.build/module.modulemap"; do
    [ ! -e "$map" ] || { flags+=(-Xcc "-fmodule-map-file=$map") && break; }
  done
done
# One page shows what a client sees: what the other modules declare `public` counts as VTKit's.
modules=VTCore,VTCheckpoint,VTConversion,VTTensor,VTModels,VTData,VTTraining
swift symbolgraph-extract -module-name VTKit -target "$(swiftc -print-target-info | grep -m1 '"triple"' | cut -d'"' -f4)" \
  -I "$bin/Modules" "${flags[@]}" -minimum-access-level public -experimental-allowed-reexported-modules="$modules" \
  -skip-inherited-docs -skip-synthesized-members -output-dir "$graphs"
docc=$(command -v docc || xcrun --find docc)
"$docc" convert Sources/VTKit/VTKit.docc --additional-symbol-graph-dir "$graphs" --output-path "$output" \
  --fallback-display-name VTKit --fallback-bundle-identifier vtkit --warnings-as-errors
echo "$output"
