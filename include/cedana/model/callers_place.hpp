// SPDX-License-Identifier: Apache-2.0
// Files and folders that the user behind sudo names: theirs to use with their own rights, not with root's. Who may run
// anything as root through sudo could use them with root's all the same, and is spared the difference.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/unique_fd.hpp"
#include "cedana/model/caller.hpp"

#include <filesystem>
#include <string>

#include <sys/types.h>

namespace cedana {

// sudo would let the caller run a shell as root. That is asked of sudo itself; without an answer it is not so. Root
// may, and so may whoever does not act through root's rights: nothing is gained by it.
[[nodiscard]] bool may_become_root(const Caller& caller, const std::string& sudo = "/usr/bin/sudo");

// The caller can make files in the folder. False if there is no such folder.
[[nodiscard]] bool can_write_in(const Caller& caller, const std::filesystem::path& folder);

// Who chose the path of a file.
enum class NamedBy { caller, cedana };

// open(2) with O_CLOEXEC, with the rights of the caller. A path that these do not reach is opened with root's if the
// caller may become root, or cedana has chosen it, and nobody else can make it lead elsewhere; not through a link at
// its end then. Throws Error(Fault::permission) else.
[[nodiscard]] UniqueFd open_for(const Caller& caller, const std::filesystem::path& path, int flags, mode_t mode,
                                NamedBy named_by = NamedBy::caller);

// A file that output is added to, made (0600) if it is not there; by open_for(). A FIFO that nobody reads is an error
// and not a wait. Throws Error with Fault::permission or Fault::storage, and the remedy.
[[nodiscard]] UniqueFd open_output_for(const Caller& caller, const std::filesystem::path& path,
                                       NamedBy named_by = NamedBy::caller);
// The error of such a file.
[[nodiscard]] Error no_output(const Error& error);

} // namespace cedana
