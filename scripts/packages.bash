# SPDX-License-Identifier: Apache-2.0
# For the scripts beside it, which source it after chroots.bash: packages, built in the chroot of a release. build/packages gets them.
packages=build/packages

# Configures and builds in the chroot: build_package SUITE OPTION…
build_package() {
    local suite=$1
    shift
    build_root "$suite" build package
    in_root "$chroots/$suite.build" cmake --preset package -S /src -B /build/package -DCMAKE_CXX_COMPILER_LAUNCHER=ccache "$@" >/dev/null
    in_root "$chroots/$suite.build" nice ninja -C /build/package --quiet
}

# The package of the last build: packed SUITE DEB|RPM
packed() {
    local suite=$1 kind=$2 name
    in_root "$chroots/$suite.build" bash -ec 'rm -rf /build/packed && cpack --config /build/package/CPackConfig.cmake -B /build/packed -G "$1" >/dev/null' cpack "$kind"
    name=$(basename "$chroots/$suite.build/build/packed/"*."${kind,,}")
    as_owner mkdir -p "$packages"
    cp "$chroots/$suite.build/build/packed/$name" "$packages/$name"
    printf '%s' "$packages/$name"
}
