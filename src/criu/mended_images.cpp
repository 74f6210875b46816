// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/mended_images.hpp"

#include "cedana/criu/huge_pages.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana::criu {

namespace {

constexpr const char* k_tree_image = "pstree.img";
constexpr const char* k_files_image = "files.img";

// What else must be known of a task to mend its image `name`; empty: nothing.
std::string companion_of(const std::string& name) {
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
    }
    return "something else";
}

bool MendedImages::may_be_mended(const std::string& name) const {
    return name == k_tree_image || name == k_files_image || task_of_image(name, "core-") ||
           task_of_image(name, "mm-") || (huge_pages_ == HugePages::left_out && task_of_image(name, "pagemap-"));
}

int MendedImages::open(const std::string& name) {
    Stream stream{.name = name, .inputs = {{.stream = images_.open(name)}}, .may_be_mended = may_be_mended(name)};
    if (const std::string other = companion_of(name); stream.may_be_mended && !other.empty() && images_.exists(other))
        stream.inputs.push_back({.stream = images_.open(other)});
    streams_.emplace(++last_, std::move(stream));
    return last_;
}

std::span<const std::byte> MendedImages::ready(int stream) {
    Stream& one = whole(stream);
    if (!one.may_be_mended)
        return images_.ready(one.inputs.front().stream);
    if (!one.whole)
        return {};
    return std::as_bytes(std::span(one.inputs.front().content).subspan(one.passed));
}

void MendedImages::passed(int stream, std::size_t count) {
    Stream& one = streams_.at(stream);
    one.passed += count;
    if (!one.may_be_mended)
        images_.passed(one.inputs.front().stream, count);
}

void MendedImages::released(int stream, std::size_t count) {
    const Stream& one = streams_.at(stream);
    if (!one.may_be_mended)
        images_.released(one.inputs.front().stream, count);
}

bool MendedImages::at_end(int stream) {
    const Stream& one = whole(stream);
    if (!one.may_be_mended)
        return images_.at_end(one.inputs.front().stream);
    return one.whole && one.passed == one.inputs.front().content.size();
}

void MendedImages::close(int stream) {
    for (Input& input : streams_.at(stream).inputs)
        if (input.open) {
            images_.close(input.stream);
            input.open = false;
        }
}

// As far as its inputs are there.
MendedImages::Stream& MendedImages::whole(int stream) {
    Stream& one = streams_.at(stream);
    if (!one.may_be_mended || one.whole)
        return one;
    bool all = true;
    for (Input& input : one.inputs)
        all = read(input) && all;
    if (all) {
        mend(one);
        one.whole = true;
    }
    return one;
}

// Whether it is there to its end.
bool MendedImages::read(Input& input) {
    while (input.open) {
        if (images_.at_end(input.stream)) {
            images_.close(input.stream);
            input.open = false;
            break;
        }
        const std::span<const std::byte> piece = images_.ready(input.stream);
        if (piece.empty())
            return images_.at_end(input.stream) && read(input);
        input.content.append(reinterpret_cast<const char*>(piece.data()), piece.size());
        const std::size_t count = piece.size();
        images_.passed(input.stream, count);
        images_.released(input.stream, count);
    }
    return true;
}

template <typename Change>
void MendedImages::apply(Mend mend, std::string& image, Change&& change) {
    if (MendedImage mended = change(std::string_view(image))) {
        image = std::move(*mended);
        made_.insert(mend);
    }
}

void MendedImages::mend(Stream& stream) {
    std::string& image = stream.inputs.front().content;
    if (stream.name == k_tree_image) {
        tree_ = parse_tree_threads(image);
    } else if (stream.name == k_files_image) {
        apply(Mend::timer, image, with_timers_set);
    } else if (const auto thread = task_of_image(stream.name, "core-")) {
        mend_core(image, *thread);
    } else if (stream.inputs.size() == 2) {
        mend_memory(stream.name, image, stream.inputs.back().content);
        stream.inputs.pop_back();
    }
}

void MendedImages::mend_memory(const std::string& name, std::string& image, const std::string& other) {
    if (task_of_image(name, "pagemap-"))
        return apply(Mend::huge_pages, image, [&](auto pagemap) { return without_huge_pages(pagemap, other); });
    const Pagemap pages = parse_pagemap(other);
    apply(Mend::empty_mapping, image, [&](auto mm) { return with_empty_mappings_left_alone(mm, pages); });
    apply(Mend::long_mapping, image, [&](auto mm) { return with_long_mappings_in_parts(mm, granted_); });
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
}

} // namespace cedana::criu
