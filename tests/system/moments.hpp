// SPDX-License-Identifier: Apache-2.0
// How far a cedana that runs has come.
#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace cedana::testing {

// What CRIU writes in its log while it dumps memory.
inline constexpr const char* k_amid_the_pages = "Dumping pages";

// With it CRIU tells in its log how far it has come.
inline constexpr const char* k_tell_all = "--criu-arg=-v3";

// Until the log of the CRIU that this cedana runs (with k_tell_all) holds `text`; from then on the moment passes.
// Throws Error after a while.
void wait_for_dump_log(pid_t cedana, const std::string& text);

// Holds CRIU where it runs its action scripts (criu(8)): a moment that does not pass by itself.
class HeldCriu {
  public:
    // `folder`: where its files go, and no other one's. `action`: "post-dump": the tree is frozen and all images are
    // written. "post-restore": the tree is whole, and nothing of it runs.
    HeldCriu(const std::filesystem::path& folder, const std::string& action);

    // For cedana.
    [[nodiscard]] std::string argument() const;
    // Until CRIU is held; its pid. Throws Error after a while.
    [[nodiscard]] pid_t wait() const;
    void let_go() const;

  private:
    std::filesystem::path script_;
    std::filesystem::path held_;
    std::filesystem::path gate_;
};

} // namespace cedana::testing
