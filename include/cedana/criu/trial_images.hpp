// SPDX-License-Identifier: Apache-2.0
// The images of a tree that is restored and taken away again: changed as they pass, so that no instruction of the
// program can run whatever ends CRIU. There is no PTRACE_O_EXITKILL in CRIU: one that is killed after it has let the
// tasks go to their last system call (criu/cr-restore.c, CR_STATE_COMPLETE) and before the tree is taken away leaves
// them running. So each thread goes on at an address that no program can have, and blocks every signal: no handler
// runs, and the kernel ends a task whose SIGSEGV is blocked (kernel/signal.c, force_sig_info_to_task()). No core dump
// is left of it.
#pragma once

#include "cedana/criu/whole_images.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace cedana::criu {

// Of core-TID.img. Throws Error(Fault::checkpoint) for what is no such image, and Error(Fault::environment) for a
// processor that is not known here.
[[nodiscard]] std::string without_way_on(std::string_view core);
// Of mm-PID.img. Throws Error(Fault::checkpoint) for what is no such image.
[[nodiscard]] std::string without_core_dump(std::string_view mm);

class TrialImages : public WholeImages {
  public:
    // `images` must outlive this.
    explicit TrialImages(ImageSource& images) : WholeImages(images) {}

    // Control groups are not there: CRIU would make them.
    [[nodiscard]] bool exists(const std::string& name) override {
        return name != "cgroup.img" && WholeImages::exists(name);
    }

  private:
    [[nodiscard]] std::optional<std::string> companion_of(const std::string& name) const override;
    void change(const std::string& name, std::string& image, const std::string* companion) override;
};

} // namespace cedana::criu
