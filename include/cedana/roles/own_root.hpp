// SPDX-License-Identifier: Apache-2.0
// A mount namespace for the CRIU that brings back a tree with one of its own. CRIU makes the tree's mounts out of a
// root that it is given (--root), and fails without one ("BUG at criu/mount.c:48"). That is what lies at / here, once
// more: nobody outside of that namespace sees it, and it ends with CRIU.
#pragma once

#include "cedana/base/unique_fd.hpp"

#include <string>

namespace cedana::roles {

class OwnRoot {
  public:
    // What this process starts from now on lives in the namespace, in which `folder`, an empty one, is the root.
    // Nothing is done if it is empty. The process must have one thread. Throws Error.
    explicit OwnRoot(const std::string& folder);
    OwnRoot(const OwnRoot&) = delete;
    OwnRoot& operator=(const OwnRoot&) = delete;
    // This process is where it was before, in the folder /.
    ~OwnRoot();

  private:
    UniqueFd before_;
};

} // namespace cedana::roles
