// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/compare.hpp"

#include <algorithm>

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

// Pairs what is in both, in the order of `before`, then what `after` adds; `key` names an item, `pair` makes a change
// of two items of which one may be missing.
template <typename Item, typename Key, typename Pair>
auto paired(const std::vector<Item>& before, const std::vector<Item>& after, Key key, Pair pair) {
    const auto find = [&](const std::vector<Item>& items, const Item& wanted) -> const Item* {
        const auto found = std::ranges::find(items, key(wanted), key);
        return found == items.end() ? nullptr : &*found;
    };
    std::vector<decltype(pair(nullptr, nullptr))> changes;
    for (const Item& item : before)
        changes.push_back(pair(&item, find(after, item)));
    for (const Item& item : after)
        if (find(before, item) == nullptr)
            changes.push_back(pair(nullptr, &item));
    return changes;
}

template <typename Item>
Change change_of(const Item* before, const Item* after, bool same) {
    return before == nullptr  ? Change::added
           : after == nullptr ? Change::removed
           : same             ? Change::same
                              : Change::changed;
}

std::uint64_t memory_of(const ManifestProcess* process) { return process == nullptr ? 0 : process->resident_bytes; }
std::size_t threads_of(const ManifestProcess* process) { return process == nullptr ? 0 : process->threads.size(); }

ProcessChange change_of_process(const ManifestProcess* before, const ManifestProcess* after) {
    const ManifestProcess& any = after == nullptr ? *before : *after;
    ProcessChange change{.pid = any.pid,
                         .comm = any.comm,
                         .bytes_before = memory_of(before),
                         .bytes_after = memory_of(after),
                         .threads_before = threads_of(before),
                         .threads_after = threads_of(after)};
    const bool same = change.bytes_before == change.bytes_after && change.threads_before == change.threads_after;
    change.change = change_of(before, after, same);
    return change;
}

FileChange change_of_file(const CapturedFile* before, const CapturedFile* after) {
    const bool same = before != nullptr && after != nullptr && before->size == after->size &&
                      before->digest == after->digest && before->modified == after->modified;
    return {.path = (after == nullptr ? before : after)->path,
            .change = change_of(before, after, same),
            .bytes_before = before == nullptr ? 0 : before->size,
            .bytes_after = after == nullptr ? 0 : after->size};
}

std::string end_of(const std::string& address, std::uint16_t port) {
    return address.find(':') == std::string::npos ? fmt::format("{}:{}", address, port)
                                                  : fmt::format("[{}]:{}", address, port);
}

} // namespace

std::string_view name_of(Change change) {
    switch (change) {
    case Change::added:
        return "added";
    case Change::removed:
        return "removed";
    case Change::changed:
        return "changed";
    case Change::same:
        break;
    }
    return "same";
}

std::string text_of(const TcpConnection& connection) {
    return fmt::format("{} to {}", end_of(connection.local_address, connection.local_port),
                       end_of(connection.remote_address, connection.remote_port));
}

Comparison compare(const Manifest& before, const Manifest& after) {
    const ManifestProcess& first = before.tree.front();
    const ManifestProcess& second = after.tree.front();
    return {.same_process =
                before.host.name == after.host.name && first.pid == second.pid && first.start_time == second.start_time,
            .processes = paired(
                before.tree, after.tree,
                [](const ManifestProcess& process) { return std::pair(process.pid, process.start_time); },
                change_of_process),
            .files = paired(
                before.files, after.files, [](const CapturedFile& file) { return file.path; }, change_of_file),
            .connections = paired(before.connections, after.connections, text_of,
                                  [](const TcpConnection* one, const TcpConnection* other) {
                                      return ConnectionChange{.text = text_of(other == nullptr ? *one : *other),
                                                              .change = change_of(one, other, true)};
                                  })};
}

} // namespace cedana
