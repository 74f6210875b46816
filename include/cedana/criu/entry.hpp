// SPDX-License-Identifier: Apache-2.0
// How CRIU gets into namespaces of others, and finds there what it needs: among other mounts no path of this process
// need lead to what it leads to here, what does may be read-only, and nothing there need be executable. So it is passed
// all by descriptors. It is loaded when it is in there already: the dynamic linker and CRIU's libraries must be there
// too, as they are wherever a unit of systemd lets a program of the distribution run.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/criu/command.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace cedana::criu {

class Entry {
  public:
    // `namespaces`: to be entered in this order, and to outlive this; if it is empty, nothing is changed by what
    // follows. Throws Error.
    Entry(std::span<const UniqueFd> namespaces, const std::string& program, const std::filesystem::path& folder);

    [[nodiscard]] bool is_needed() const noexcept { return static_cast<bool>(program_); }
    // CRIU enters them, and finds its program and the folder.
    void pass(SpawnRequest& criu, Paths& paths) const;
    // A descriptor of this process as CRIU and what it starts find it, for as long as it is open here. Both see the
    // same processes.
    [[nodiscard]] static std::string path_of(int fd);
    // A file of the folder, likewise; its path if nothing is entered.
    [[nodiscard]] std::string path_in_folder(const std::filesystem::path& file) const;

  private:
    std::span<const UniqueFd> namespaces_;
    UniqueFd program_;
    UniqueFd folder_;
};

// Has CRIU note in /run what the kernel can, where it is not noted yet: to find out it needs a folder /tmp in which it
// can write (criu/kerndat.c). That it could not shows when CRIU runs.
void note_kernel_features(const std::string& program);

} // namespace cedana::criu
