// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have open (RLIMIT_NOFILE, getrlimit(2)). The usual soft limit of 1,024 is for
// programs that use select(2); this one needs some for each process of a tree, and so does CRIU.
#pragma once

#include <cstdint>
#include <string>

namespace cedana {

// Makes the soft limit as high as the hard one, which needs no permission; where it fails all the same, opening says
// so. To be called once, before the first thread.
// Children inherit it unless they are started with DescriptorLimit::as_started (child_process.hpp).
void raise_descriptor_limit();

// The soft limit that there was before; the present one where it was never raised.
[[nodiscard]] std::uint64_t descriptor_limit_at_start();

// The soft limit now.
[[nodiscard]] std::uint64_t descriptor_limit();

// Throws Error(Fault::environment) if `limit` is below `wanted`. `what`: what needs them ("a tree of 7 processes").
void require_descriptors(std::uint64_t wanted, const std::string& what, std::uint64_t limit = descriptor_limit());

// So many more than descriptor_limit(), which does not count them, where the kernel lets this process have them. Of the
// main thread. What is opened with them must be closed before this is gone.
class MoreDescriptors {
  public:
    explicit MoreDescriptors(std::uint64_t more);
    MoreDescriptors(const MoreDescriptors&) = delete;
    MoreDescriptors& operator=(const MoreDescriptors&) = delete;
    ~MoreDescriptors();

    // All, or none.
    [[nodiscard]] std::uint64_t count() const noexcept { return more_; }

  private:
    std::uint64_t more_ = 0;
};

} // namespace cedana
