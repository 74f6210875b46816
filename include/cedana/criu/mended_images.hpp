// SPDX-License-Identifier: Apache-2.0
// The images of a restore as CRIU is to read them: those that need one of the image_mends are mended as they pass.
#pragma once

#include "cedana/criu/image_mends.hpp"
#include "cedana/criu/whole_images.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace cedana::criu {

// left_out: somebody else puts private huge pages in place (huge_pages.hpp); the source must not send them.
enum class HugePages { sent, left_out };

class MendedImages : public WholeImages {
  public:
    // `granted`: how much memory the kernel promises in one call, in bytes. `locked_on_fault`: what no image says, by
    // process (image_mends.hpp). `limits_put_back`: the processes whose limits somebody puts back before they run.
    // `clocks_left`: the root of a tree that is left in the time namespace of CRIU, whichever it had; absent: the tree
    // gets one of its own, in which its clocks go on. `posix_locks`: what CRIU has dropped, and what it may have.
    // `images` must outlive this.
    MendedImages(ImageSource& images, std::uint64_t granted, HugePages huge_pages, LocksOnFault locked_on_fault = {},
                 std::set<pid_t> limits_put_back = {}, std::optional<pid_t> clocks_left = std::nullopt,
                 std::vector<DumpedLock> posix_locks = {})
        : WholeImages(images), granted_(granted), huge_pages_(huge_pages), locked_on_fault_(std::move(locked_on_fault)),
          limits_put_back_(std::move(limits_put_back)), clocks_left_(clocks_left),
          posix_locks_(std::move(posix_locks)) {}

    [[nodiscard]] bool exists(const std::string& name) override;

    // Of what was read so far.
    [[nodiscard]] const std::set<Mend>& made() const noexcept { return made_; }

  private:
    [[nodiscard]] std::optional<std::string> companion_of(const std::string& name) const override;
    void change(const std::string& name, std::string& image, const std::string* companion) override;
    void mend_memory(const std::string& name, std::string& image, const std::string& other);
    void mend_files(std::string& image, const std::string* terminals);
    void mend_terminals(std::string& image);
    void mend_core(std::string& image, pid_t thread);
    template <typename Change>
    void apply(Mend mend, std::string& image, Change&& change);

    std::uint64_t granted_;
    HugePages huge_pages_;
    LocksOnFault locked_on_fault_;
    std::set<pid_t> limits_put_back_;
    std::optional<pid_t> clocks_left_;
    std::vector<DumpedLock> posix_locks_;
    std::set<Mend> made_;
    // CRIU reads the tree first, and a process's first thread before the others (criu/pstree.c, criu/cr-restore.c).
    TreeThreads tree_;
    std::map<pid_t, std::uint64_t> signals_of_;
};

} // namespace cedana::criu
