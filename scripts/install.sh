#!/usr/bin/env bash
# Installs the command, its manual pages and completions for bash, zsh and fish below PREFIX (make install).
# install.sh remove takes them away again.
#   PREFIX   where to: /usr/local unless given. DESTDIR goes in front of it, for packages.
#   BUILD    flags of the build. By default the binary holds the Swift libraries, and so needs no toolchain.
#   SCRATCH  where to build.
set -euo pipefail
cd "$(dirname "$0")/.."
prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}$prefix
build=${BUILD:--c release --static-swift-stdlib}
scratch=${SCRATCH:-.build-install}
swift=${SWIFT:-swift}
share=$root/share
scripts=("$share/bash-completion/completions/vtkit" "$share/zsh/site-functions/_vtkit"
  "$share/fish/vendor_completions.d/vtkit.fish")

if [ "${1:-}" = remove ]; then
  rm -f "$root/bin/vtkit" "$share"/man/man1/vtkit.1 "$share"/man/man1/vtkit-*.1 "${scripts[@]}"
  exit
fi

# Before the build, which takes minutes.
if ! mkdir -p "$root/bin" "$share/man/man1" 2>/dev/null || ! [ -w "$root/bin" ] || ! [ -w "$share/man/man1" ]; then
  echo "cannot write below $root: give another place (make install PREFIX=\$HOME/.local), or build as yourself and install as root" \
    "(make install DESTDIR=/tmp/vtkit, then sudo cp -a /tmp/vtkit$prefix/. $prefix/)" >&2
  exit 1
fi

# shellcheck disable=SC2086
$swift build $build --scratch-path "$scratch" --product vtkit
vtkit=$scratch/release/vtkit

# The plugin's tool writes the pages of any binary. Asked for help, the plugin builds its tool and nothing else.
$swift package --scratch-path "$scratch" --disable-sandbox generate-manual --help >/dev/null
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
"$scratch/debug/generate-manual-tool" "$vtkit" --multi-page --output-directory "$pages"

# Without symbols it is a third smaller.
install -s -m 755 "$vtkit" "$root/bin/vtkit"
# Pages are found by the name with hyphens (man vtkit-convert), as git's are.
rm -f "$pages/vtkit.help.1"
for page in "$pages"/*.1; do
  name=$(basename "$page" .1)
  awk '$1 == ".Xr" && $2 == "vtkit.help" { next }
    $1 == ".Xr" || $1 == ".Dt" { gsub(/\./, "-", $2) } { print }' "$page" >"$share/man/man1/${name//./-}.1"
done
for script in "${scripts[@]}"; do mkdir -p "$(dirname "$script")"; done
"$vtkit" --generate-completion-script bash >"${scripts[0]}"
"$vtkit" --generate-completion-script zsh >"${scripts[1]}"
"$vtkit" --generate-completion-script fish >"${scripts[2]}"

echo "installed $prefix/bin/vtkit, its manual (man vtkit) and completions"
case ":$PATH:" in
  *":$prefix/bin:"*) ;;
  *) echo "$prefix/bin is not in your PATH" ;;
esac
