#!/bin/bash -eu
# SPDX-License-Identifier: GPL-2.0-only
# Builds the fuzz targets for ClusterFuzzLite and OSS-Fuzz, whose environment says how: CC, CXX,
# CFLAGS, CXXFLAGS, LIB_FUZZING_ENGINE, SRC, WORK, OUT, SANITIZER, FUZZING_ENGINE. Leaves in OUT
# each target, its options and its seed corpus. FUZZ_TARGETS names some, when not all are wanted.
source="${SRC:?}/softiommu"
build="${WORK:?}/softiommu"
targets=${FUZZ_TARGETS:-$(tr '\n\t' '  ' <"$source/fuzz/CMakeLists.txt" |
	sed 's/.*set(fuzz_targets \([^)]*\)).*/\1/')}

generator=()
command -v ninja >/dev/null && generator=(-G Ninja)

# The engine may be a library of C++, so C++ links. CFLAGS carry the sanitizer and its coverage.
cmake -S "$source" -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=None \
	-DCMAKE_C_COMPILER="$CC" -DCMAKE_C_FLAGS="$CFLAGS" \
	-DCMAKE_C_LINK_EXECUTABLE="$CXX $CXXFLAGS <LINK_FLAGS> <OBJECTS> -o <TARGET> <LINK_LIBRARIES>" \
	-DSIO_FUZZ=ON -DSIO_FUZZ_ENGINE="$LIB_FUZZING_ENGINE" -DSIO_TESTS=OFF -DSIO_WERROR=OFF

for target in $targets; do
	cmake --build "$build" --parallel "$(nproc)" --target "fuzz_$target"
	cp "$build/fuzz/fuzz_$target" "${OUT:?}/"
	cp "$source/fuzz/default.options" "$OUT/fuzz_$target.options"
	[ ! -f "$source/fuzz/$target.options" ] ||
		cp "$source/fuzz/$target.options" "$OUT/fuzz_$target.options"
	(cd "$source/fuzz/corpus/$target" &&
		cmake -E tar cf "$OUT/fuzz_${target}_seed_corpus.zip" --format=zip -- *)
done
