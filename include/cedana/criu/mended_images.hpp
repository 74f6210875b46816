// SPDX-License-Identifier: Apache-2.0
// The images of a restore as CRIU is to read them: those that need one of the image_mends are mended as they pass, all
// others go through as they are. An image that may need one is read whole before the first of its bytes is given; they
// are small. So it never waits, and none waits for another.
#pragma once

#include "cedana/criu/image_mends.hpp"
#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace cedana::criu {

// left_out: somebody else puts private huge pages in place (huge_pages.hpp); the source must not send them.
enum class HugePages { sent, left_out };

class MendedImages : public ImageSource {
  public:
    // `granted`: how much memory the kernel promises in one call, in bytes. `images` must outlive this.
    MendedImages(ImageSource& images, std::uint64_t granted, HugePages huge_pages)
        : images_(images), granted_(granted), huge_pages_(huge_pages) {}

    [[nodiscard]] bool exists(const std::string& name) override { return images_.exists(name); }
    int open(const std::string& name) override;
    [[nodiscard]] std::span<const std::byte> ready(int stream) override;
    void passed(int stream, std::size_t count) override;
    void released(int stream, std::size_t count) override;
    [[nodiscard]] bool at_end(int stream) override;
    // What was mended is kept until the end: a pipe may refer to it.
    void close(int stream) override;
    [[nodiscard]] int data_ready() const override { return images_.data_ready(); }

    // Of what was read so far.
    [[nodiscard]] const std::set<Mend>& made() const noexcept { return made_; }

  private:
    // Of `images`.
    struct Input {
        int stream;
        bool open = true;
        std::string content = {};
    };
    struct Stream {
        std::string name;
        // The image, and what else must be known to mend it. One that is not mended has the first alone, unread.
        std::vector<Input> inputs;
        bool may_be_mended = false;
        bool whole = false;
        std::size_t passed = 0;
    };

    [[nodiscard]] bool may_be_mended(const std::string& name) const;
    [[nodiscard]] Stream& whole(int stream);
    [[nodiscard]] bool read(Input& input);
    void mend(Stream& stream);
    void mend_memory(const std::string& name, std::string& image, const std::string& other);
    void mend_core(std::string& image, pid_t thread);
    template <typename Change>
    void apply(Mend mend, std::string& image, Change&& change);

    ImageSource& images_;
    std::uint64_t granted_;
    HugePages huge_pages_;
    std::map<int, Stream> streams_;
    int last_ = 0;
    std::set<Mend> made_;
    // CRIU reads the tree first, and a process's first thread before the others (criu/pstree.c, criu/cr-restore.c).
    TreeThreads tree_;
    std::map<pid_t, std::uint64_t> signals_of_;
};

} // namespace cedana::criu
