// SPDX-License-Identifier: Apache-2.0
#include "cedana/lazy/held_tree.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/undo/end_trees.hpp"

#include <utility>

namespace cedana {

void HeldTree::hold_root(LazyRoot root) {
    numbers_ = root.numbers;
    tasks_.insert_or_assign(root.pid, std::move(root.handle));
}

void HeldTree::hold(WitnessedFault opened) {
    faults_.insert_or_assign(opened.number, std::move(opened.fault));
    if (opened.pid == 0 || numbers_ != TaskNumbers::of_this_host)
        return;
    if (auto pidfd = open_pidfd(opened.pid))
        tasks_.insert_or_assign(opened.pid, std::move(*pidfd));
}

void HeldTree::end() const { end_trees(tasks_); }

} // namespace cedana
