// SPDX-License-Identifier: Apache-2.0
#include "cedana/checkpoint/compare.hpp"

#include "cedana/base/text.hpp"

#include <algorithm>
#include <map>
#include <tuple>

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

// What a restore gives back, here or on another host: not its start time.
auto identity_of(const ManifestProcess& process) {
    return std::tie(process.pid, process.executable, process.command_line);
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

struct OpenDescriptor {
    pid_t pid = 0;
    int fd = -1;
    std::string text = {};
};

std::string text_of(const RecordedDescriptor& open) {
    // The numbers of pipes and sockets come back as others.
    if (open.kind == OpenKind::pipe || open.kind == OpenKind::socket)
        return open.target.substr(0, open.target.find(":["));
    return open.kind == OpenKind::file && open.position != 0 ? fmt::format("{} at {}", open.target, open.position)
                                                             : open.target;
}

std::vector<OpenDescriptor> descriptors_of(const RecordedFacts& facts) {
    std::vector<OpenDescriptor> all;
    for (const RecordedProcess& process : facts.processes)
        for (const RecordedDescriptor& one : process.descriptors)
            all.push_back({.pid = process.pid, .fd = one.fd, .text = text_of(one)});
    return all;
}

DescriptorChange change_of_descriptor(const OpenDescriptor* before, const OpenDescriptor* after) {
    const OpenDescriptor& any = after == nullptr ? *before : *after;
    return {.pid = any.pid,
            .fd = any.fd,
            .change = change_of(before, after, before != nullptr && after != nullptr && before->text == after->text),
            .before = before == nullptr ? std::string() : before->text,
            .after = after == nullptr ? std::string() : after->text};
}

struct Sockets {
    std::string text;
    std::size_t count = 0;
};

template <typename Item>
std::vector<Sockets> counted(const std::vector<Item>& items) {
    std::map<std::string, std::size_t> counts;
    for (const Item& item : items)
        ++counts[text_of(item)];
    std::vector<Sockets> all;
    for (const auto& [text, count] : counts)
        all.push_back({.text = text, .count = count});
    return all;
}

SocketChange change_of_sockets(const Sockets* before, const Sockets* after) {
    const std::size_t first = before == nullptr ? 0 : before->count;
    const std::size_t second = after == nullptr ? 0 : after->count;
    return {.text = (after == nullptr ? before : after)->text,
            .change = change_of(before, after, first == second),
            .before = first,
            .after = second};
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
    return fmt::format("tcp connected {} to {}", endpoint_text(connection.local_address, connection.local_port),
                       endpoint_text(connection.remote_address, connection.remote_port));
}

std::string text_of(const RecordedSocket& socket) {
    std::string text = fmt::format("{} {}", socket.kind, socket.state);
    if (!socket.local.empty())
        text += fmt::format(" {}", socket.local);
    if (const std::string& to = socket.remote.empty() ? socket.peer_outside : socket.remote; !to.empty())
        text += fmt::format(" to {}", to);
    return text;
}

Comparison compare(const Manifest& before, const Manifest& after) {
    const bool know_all = before.facts && after.facts;
    const auto process = [](const ManifestProcess& one) { return std::tie(one.pid, one.executable); };
    const auto path = [](const CapturedFile& one) { return one.path; };
    const auto descriptor = [](const OpenDescriptor& one) { return std::tie(one.pid, one.fd); };
    const auto socket = [](const Sockets& one) { return one.text; };
    Comparison found{.same_process = identity_of(before.tree.front()) == identity_of(after.tree.front()),
                     .processes = paired(before.tree, after.tree, process, change_of_process),
                     .files = paired(before.files, after.files, path, change_of_file),
                     .descriptors = {},
                     .sockets = {}};
    if (know_all)
        found.descriptors =
            paired(descriptors_of(*before.facts), descriptors_of(*after.facts), descriptor, change_of_descriptor);
    found.sockets =
        know_all ? paired(counted(before.facts->sockets), counted(after.facts->sockets), socket, change_of_sockets)
                 : paired(counted(before.connections), counted(after.connections), socket, change_of_sockets);
    return found;
}

} // namespace cedana
