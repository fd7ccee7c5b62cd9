#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What ClusterFuzzLite and OSS-Fuzz do with .clusterfuzzlite/: build.sh in their environment, for
# each sanitizer, and one of its programs on its zipped corpus in a folder without the tree.
# usage: clusterfuzz.sh SOURCE; exit 77: this system has not what that needs.
set -eu
source=${1:?}
target=platform # the smallest

skip()
{
	echo "skipped: $1"
	exit 77
}

for program in clang clang++ cmake unzip; do
	command -v $program >/dev/null || skip "there is no $program"
done
for library in config jansson z; do
	echo 'int main(void) { return 0; }' |
		clang++ -x c - -x none -Wl,-Bstatic -l$library -Wl,-Bdynamic -o /dev/null 2>/dev/null ||
		skip "there is no static library of $library"
done

# A folder of its own: nothing that anyone names is ever removed.
work=$(mktemp -d)
trap 'rm -rf -- "${work:?}"' EXIT
mkdir "$work/src"
ln -s "$source" "$work/src/softiommu"
# The flags are those of OSS-Fuzz's base-builder.
common="-O1 -fno-omit-frame-pointer -gline-tables-only -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
for sanitizer in ${SANITIZERS:-address undefined coverage}; do
	case $sanitizer in
	address) flags="-fsanitize=address -fsanitize-address-use-after-scope -fsanitize=fuzzer-no-link" ;;
	undefined) flags="-fsanitize=bool,enum,shift,null,return,signed-integer-overflow,vla-bound
		-fno-sanitize-recover=all -fsanitize=fuzzer-no-link" ;;
	coverage) flags="-fprofile-instr-generate -fcoverage-mapping" ;;
	esac
	flags=$(echo $flags) # one line
	out="$work/$sanitizer"
	mkdir "$out" "$work/work-$sanitizer"
	env CC=clang CXX=clang++ CFLAGS="$common $flags" CXXFLAGS="$common $flags" \
		LIB_FUZZING_ENGINE=-fsanitize=fuzzer SRC="$work/src" WORK="$work/work-$sanitizer" \
		OUT="$out" SANITIZER="$sanitizer" FUZZING_ENGINE=libfuzzer ARCHITECTURE=x86_64 \
		FUZZ_TARGETS=$target bash "$source/.clusterfuzzlite/build.sh" >"$out/log" 2>&1 ||
		{ tail -n 30 "$out/log"; exit 1; }
	unzip -q "$out/fuzz_${target}_seed_corpus.zip" -d "$out/corpus"
	grep -q '^\[libfuzzer\]' "$out/fuzz_$target.options"
	# What is built for coverage is not guided, and only replays.
	case $sanitizer in
	coverage) inputs=("$out"/corpus/*) ;;
	*) inputs=(-runs=200 -seed=1 "$out/corpus") ;;
	esac
	(cd "$out" && LLVM_PROFILE_FILE=profile "./fuzz_$target" "${inputs[@]}" >run.log 2>&1) ||
		{ tail -n 30 "$out/run.log"; exit 1; }
	[ "$sanitizer" != coverage ] || [ -s "$out/profile" ]
	echo "$sanitizer: built, ran"
done
