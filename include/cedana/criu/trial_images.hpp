// SPDX-License-Identifier: Apache-2.0
// The images of a tree that is restored and taken away again: changed as they pass, so that no instruction of the
// program can run whatever ends CRIU. There is no PTRACE_O_EXITKILL in CRIU: one that is killed after it has let the
// tasks go to their last system call (criu/cr-restore.c, CR_STATE_COMPLETE) and before the tree is taken away leaves
// them running. So each thread goes on at an address that no program can have, and blocks every signal: no handler
// runs, and the kernel ends a task whose SIGSEGV is blocked (kernel/signal.c, force_sig_info_to_task()). No core dump
// is left of it.
#pragma once

#include "cedana/model/image_stream.hpp"

#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace cedana::criu {

// Of core-TID.img. Throws Error(Fault::checkpoint) for what is no such image, and Error(Fault::environment) for a
// processor that is not known here.
[[nodiscard]] std::string without_way_on(std::string_view core);
// Of mm-PID.img. Throws Error(Fault::checkpoint) for what is no such image.
[[nodiscard]] std::string without_core_dump(std::string_view mm);

class TrialImages : public ImageSource {
  public:
    // `images` must outlive this.
    explicit TrialImages(ImageSource& images) : images_(images) {}

    // Control groups are not there: CRIU would make them.
    [[nodiscard]] bool exists(const std::string& name) override { return name != "cgroup.img" && images_.exists(name); }
    int open(const std::string& name) override;
    [[nodiscard]] std::span<const std::byte> ready(int stream) override;
    void passed(int stream, std::size_t count) override;
    void released(int stream, std::size_t count) override;
    [[nodiscard]] bool at_end(int stream) override;
    // What was changed is kept until the end: a pipe may refer to it.
    void close(int stream) override;
    [[nodiscard]] int data_ready() const override { return images_.data_ready(); }

  private:
    // By the number of its stream; one that is not here passes as it is.
    struct Changed {
        std::string (*change)(std::string_view image);
        std::string content = {};
        bool whole = false;
        bool closed = false;
        std::size_t passed = 0;
    };

    // Null for one that passes as it is.
    [[nodiscard]] Changed* find(int stream);
    [[nodiscard]] bool read(int stream, Changed& image);

    ImageSource& images_;
    std::map<int, Changed> changed_;
};

} // namespace cedana::criu
