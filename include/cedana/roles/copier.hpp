// SPDX-License-Identifier: Apache-2.0
// What a restored tree has at the far ends of its pipes must be held by somebody when `cedana client restore` has
// ended: the role `copier`, which copies from descriptor to descriptor until every one of them is at its end. It has a
// session of its own, so that no key and no hangup of the terminal of the restore reaches it.
#pragma once

#include "cedana/base/unique_fd.hpp"
#include "cedana/roles/role.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace cedana::roles {

// How long who copies takes at most to put all that has come out of the tree in its place.
inline constexpr std::chrono::milliseconds k_drain_limit{4000};

enum class Flow { out_of_tree, into_tree };

struct Copy {
    UniqueFd from;
    UniqueFd to;
    Flow flow = Flow::out_of_tree;
};

// with_its_starter: it ends when what start_copier() returns is closed, and leaves in the pipes what has not been
// copied by then for another one; of what nobody takes any more it reads on, and drops it.
enum class CopierLasts { until_all_is_copied, with_its_starter };

// Leaves a copier behind as a child of this process; none if there is nothing to copy. For every byte that is written
// to what this returns one comes back when all that had come out of the tree is in its place, or nobody takes it. At
// its end: the copier has ended. Throws Error.
[[nodiscard]] UniqueFd start_copier(std::vector<Copy> copies, CopierLasts lasts = CopierLasts::until_all_is_copied);

// {from, to} in the role, by their flow.
struct PassedCopies {
    std::vector<std::pair<int, int>> copies;
    std::vector<std::pair<int, int>> feeds;
};
[[nodiscard]] PassedCopies pass_copies(SpawnRequest& role, const std::vector<Copy>& copies);

// What a role that copies ignores: a full disk must be an error where it happens too (SIGXFSZ).
[[nodiscard]] std::vector<int> ignored_by_copiers();
// Those by which somebody ends a whole service or group. The tree ends by them in its own time, which it would not if
// its terminal hung up or nobody read from it.
[[nodiscard]] std::vector<int> endings();

[[nodiscard]] Role copier();

} // namespace cedana::roles
