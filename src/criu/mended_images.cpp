// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/mended_images.hpp"

#include "cedana/criu/huge_pages.hpp"

#include <utility>

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

constexpr const char* k_tree_image = "pstree.img";
constexpr const char* k_files_image = "files.img";
constexpr const char* k_cgroup_image = "cgroup.img";
constexpr const char* k_inventory_image = "inventory.img";
// What CRIU's time namespace showed (criu/cr-dump.c); that of the tree has another number.
constexpr const char* k_clocks_image = "timens-0.img";
constexpr const char* k_terminals_image = "tty-info.img";
constexpr const char* k_locks_image = "filelocks.img";

// What else must be known of a task to mend its image `name`; empty: nothing.
std::string other_image_of(const std::string& name) {
    if (name == k_files_image)
        return k_terminals_image;
    if (const auto pid = task_of_image(name, "mm-"))
        return fmt::format("pagemap-{}.img", *pid);
    if (const auto pid = task_of_image(name, "pagemap-"))
        return fmt::format("mm-{}.img", *pid);
    return {};
}

} // namespace

std::string_view name_of(Mend mend) {
    switch (mend) {
    case Mend::parent_death_signal:
        return "a signal at the end of the parent";
    case Mend::interrupted_call:
        return "a call that was broken off";
    case Mend::timer:
        return "a timer that had run out";
    case Mend::empty_mapping:
        return "memory that cannot be written to and holds nothing";
    case Mend::huge_pages:
        return "huge pages that a stream cannot bring";
    case Mend::long_mapping:
        return "a mapping that is too long";
    case Mend::lock_on_fault:
        return "memory that is locked as it is touched";
    case Mend::raised_limit:
        return "a limit that stands in CRIU's way";
    case Mend::process_folder:
        return "a folder of a process in /proc";
    case Mend::dev_tty:
        return "a /dev/tty without a name";
    case Mend::foreground_group:
        return "a process group that has ended";
    case Mend::group_of_cedana:
        return "a control group that cedana had made for criu";
    case Mend::posix_lock:
        return "a lock on a file that others have open too";
    case Mend::time_namespace:
        return "a time namespace that it comes back without";
    }
    return "something else";
}

// criu/timens.c, prepare_timens(): without it CRIU makes no time namespace.
bool MendedImages::exists(const std::string& name) {
    if (!posix_locks_.empty() && name == k_locks_image)
        return true;
    return !(clocks_left_ && name == k_clocks_image) && WholeImages::exists(name);
}

std::optional<std::string> MendedImages::companion_of(const std::string& name) const {
    if (clocks_left_ && name == k_inventory_image)
        return fmt::format("ids-{}.img", *clocks_left_);
    if (!posix_locks_.empty() && name == k_locks_image)
        return std::string();
    const bool may_be_mended = name == k_tree_image || name == k_files_image || name == k_terminals_image ||
                               name == k_cgroup_image || task_of_image(name, "core-") || task_of_image(name, "mm-") ||
                               (huge_pages_ == HugePages::left_out && task_of_image(name, "pagemap-"));
    return may_be_mended ? std::optional(other_image_of(name)) : std::nullopt;
}

template <typename Change>
void MendedImages::apply(Mend mend, std::string& image, Change&& change) {
    if (MendedImage mended = change(std::string_view(image))) {
        image = std::move(*mended);
        made_.insert(mend);
    }
}

void MendedImages::change(const std::string& name, std::string& image, const std::string* companion) {
    if (name == k_inventory_image && companion != nullptr)
        apply(Mend::time_namespace, image,
              [&](auto inventory) { return with_time_namespace_of(inventory, *companion); });
    else if (name == k_tree_image)
        tree_ = parse_tree_threads(image);
    else if (name == k_files_image)
        mend_files(image, companion);
    else if (name == k_cgroup_image)
        apply(Mend::group_of_cedana, image, without_groups_of_cedana);
    else if (name == k_locks_image)
        apply(Mend::posix_lock, image, [this](auto locks) { return with_posix_locks(locks, posix_locks_); });
    else if (name == k_terminals_image)
        mend_terminals(image);
    else if (const auto thread = task_of_image(name, "core-"))
        mend_core(image, *thread);
    else if (companion != nullptr)
        mend_memory(name, image, *companion);
}

void MendedImages::mend_memory(const std::string& name, std::string& image, const std::string& other) {
    if (task_of_image(name, "pagemap-"))
        return apply(Mend::huge_pages, image, [&](auto pagemap) { return without_huge_pages(pagemap, other); });
    const Pagemap pages = parse_pagemap(other);
    // Of the pid that the image is called after (criu/cr-dump.c: that in the innermost pid namespace).
    if (const auto locked = locked_on_fault_.find(task_of_image(name, "mm-").value_or(0));
        locked != locked_on_fault_.end())
        apply(Mend::lock_on_fault, image, [&](auto mm) { return with_locks_on_fault(mm, pages, locked->second); });
    apply(Mend::empty_mapping, image, [&](auto mm) { return with_empty_mappings_left_alone(mm, pages); });
    apply(Mend::long_mapping, image, [&](auto mm) { return with_long_mappings_in_parts(mm, granted_); });
}

void MendedImages::mend_files(std::string& image, const std::string* terminals) {
    apply(Mend::timer, image, with_timers_set);
    apply(Mend::process_folder, image, with_process_folders_named);
    if (terminals != nullptr)
        apply(Mend::dev_tty, image, [&](auto files) { return with_dev_tty_named(files, *terminals); });
}

void MendedImages::mend_terminals(std::string& image) {
    apply(Mend::foreground_group, image,
          [this](auto terminals) { return with_living_foreground_groups(terminals, tree_); });
    apply(Mend::dev_tty, image, [this](auto terminals) { return with_dev_tty_at_once(terminals, tree_); });
}

void MendedImages::mend_core(std::string& image, pid_t thread) {
    const auto process = tree_.process_of.find(thread);
    if (process == tree_.process_of.end())
        return;
    if (process->second == thread)
        signals_of_[thread] = signals_of_process(image);
    if (process->second == tree_.root)
        apply(Mend::parent_death_signal, image, without_parent_death_signal);
    if (const auto signals = signals_of_.find(process->second); signals != signals_of_.end())
        apply(Mend::interrupted_call, image, [&](auto core) { return with_call_begun_anew(core, signals->second); });
    apply(Mend::timer, image, with_interval_timer_set);
    if (limits_put_back_.contains(thread))
        apply(Mend::raised_limit, image, with_limits_raised);
}

} // namespace cedana::criu
