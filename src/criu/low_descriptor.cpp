// SPDX-License-Identifier: Apache-2.0
// A library that is loaded into CRIU (low_descriptor.hpp): it holds the lowest descriptor that is free, and lets
// libnftables have it for as long as that talks to the kernel. It needs the C library alone.
#include <cstdint>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

namespace {

int held = -1;

void hold() {
    if (held < 0)
        held = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void let_go() {
    if (held >= 0)
        ::close(held);
    held = -1;
}

// Not in a script that only starts CRIU.
bool is_in_criu() { return ::dlsym(RTLD_DEFAULT, "nft_run_cmd_from_buffer") != nullptr; }

[[gnu::constructor]] void begin() {
    if (!is_in_criu())
        return;
    // What CRIU starts needs none of it.
    ::unsetenv("LD_PRELOAD");
    hold();
}

} // namespace

// Of nftables/libnftables.h.
extern "C" {

[[gnu::visibility("default")]] void* nft_ctx_new(std::uint32_t flags) {
    const auto its_own = reinterpret_cast<void* (*)(std::uint32_t)>(::dlsym(RTLD_NEXT, "nft_ctx_new"));
    let_go();
    return its_own(flags);
}

[[gnu::visibility("default")]] void nft_ctx_free(void* context) {
    const auto its_own = reinterpret_cast<void (*)(void*)>(::dlsym(RTLD_NEXT, "nft_ctx_free"));
    its_own(context);
    hold();
}
}
