// SPDX-License-Identifier: Apache-2.0
// Pages of a tree that CRIU need not send, since whoever dumps has them already: what of an image of pages is thrown
// away as it comes through the pipe, and what is read.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/pagemap.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

struct ForeseenRun {
    std::uint64_t address = 0;
    // In bytes: whole pages.
    std::uint64_t size = 0;
    // Where these bytes lie already, or are read to.
    std::byte* place = nullptr;
    bool is_known = false;
};

class ForeseenPages {
  public:
    virtual ~ForeseenPages() = default;
    // All that CRIU is about to send of a task, in its order. `task`: its pid in the innermost pid namespace. For a
    // tree that stands still, and in which CRIU works already. Absent: nothing is known of it. The places stay until
    // the dump is done.
    [[nodiscard]] virtual std::optional<std::vector<ForeseenRun>> foresee(pid_t task) = 0;
};

// CRIU has sent other pages than were foreseen: what was thrown away is not what there is a copy of.
class OtherPages : public Error {
  public:
    explicit OtherPages(pid_t task);
};

// The pages of one task on their way.
class PageFlow {
  public:
    PageFlow(pid_t task, std::vector<ForeseenRun> runs);

    enum class Read { some, nothing_yet, end };
    // Takes what the pipe holds now, but no more than some mebibytes, and refers `sink` to it. Throws OtherPages if
    // more or less comes than was foreseen.
    [[nodiscard]] Read read(int pipe, ImageSink& sink, int image);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    // Throws OtherPages unless this is what was foreseen. `pagemap`: the whole image; `pages`: the name of the image
    // that was taken.
    void check(const std::string& pagemap, const std::string& pages) const;

  private:
    [[nodiscard]] std::ptrdiff_t take(int pipe, ImageSink& sink, int image);
    [[nodiscard]] std::ptrdiff_t take_beyond(int pipe) const;

    pid_t task_;
    std::vector<ForeseenRun> runs_;
    UniqueFd nowhere_;
    std::size_t run_ = 0;
    // Of the run.
    std::uint64_t taken_ = 0;
    std::uint64_t bytes_ = 0;
};

} // namespace cedana::criu
