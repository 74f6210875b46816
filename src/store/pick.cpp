// SPDX-License-Identifier: Apache-2.0
#include "cedana/store/pick.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/checkpoint/reader.hpp"
#include "cedana/process/name_score.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>
#include <system_error>
#include <tuple>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana {

namespace fs = std::filesystem;

namespace {

using Entries = std::vector<CatalogEntry>;

std::string line_of(const CatalogEntry& entry) {
    return fmt::format("{}  pid {} on {}  {}", printable(entry.summary->name), entry.summary->pid,
                       printable(entry.summary->host), printable(entry.path.string()));
}

// The newest of each process.
std::string list_of(const Entries& entries) {
    constexpr std::size_t k_most_lines = 10;
    std::set<std::tuple<std::string, std::string, pid_t>> seen;
    std::string list;
    for (const CatalogEntry& entry : entries) {
        if (!seen.emplace(entry.summary->host, entry.summary->name, entry.summary->pid).second)
            continue;
        if (seen.size() > k_most_lines)
            return list.append("\n…");
        if (!list.empty())
            list.push_back('\n');
        list.append(line_of(entry));
    }
    return list;
}

template <typename Test>
Entries select(const Entries& entries, Test test) {
    Entries found;
    std::ranges::copy_if(entries, std::back_inserter(found), test);
    return found;
}

// What a checkpoint is called counts, as for a process: what is only similar would bring back another program.
Entries named(const Entries& all, std::string_view name) {
    const NameScore score(name);
    const auto fit = [&](const CatalogEntry& entry) {
        const CheckpointSummary& one = *entry.summary;
        return one.name == name || one.label == name ? Fit::same
                                                     : score.of(one.name, one.executable, arguments_of(one)).fit;
    };
    Entries found = select(all, [&](const CatalogEntry& entry) { return fit(entry) == Fit::same; });
    if (found.empty())
        found = select(all, [&](const CatalogEntry& entry) { return fit(entry) == Fit::exact; });
    return found;
}

Entries similar(const Entries& all, std::string_view name) {
    return select(all, [&](const CatalogEntry& entry) { return entry.summary->name.find(name) != std::string::npos; });
}

Entries with_pid(const Entries& all, std::int64_t pid) {
    return select(all, [&](const CatalogEntry& entry) { return entry.summary->pid == pid; });
}

// Times have whole seconds, so the newest may be several.
Entries newest(const Entries& all) {
    return select(all, [&](const CatalogEntry& entry) { return entry.when == all.front().when; });
}

bool is_one_process(const Entries& entries) {
    return std::ranges::all_of(entries, [&](const CatalogEntry& entry) {
        const CheckpointSummary& one = *entry.summary;
        const CheckpointSummary& first = *entries.front().summary;
        // Earlier versions named a script's checkpoint after its interpreter.
        return one.pid == first.pid && one.host == first.host &&
               (one.name == first.name || one.start_time == first.start_time);
    });
}

std::string nearest_name(const Entries& all, std::string_view wanted) {
    std::vector<std::string> names;
    for (const CatalogEntry& entry : all)
        names.push_back(entry.summary->name);
    return nearest(wanted, names);
}

Error nothing_of(const Entries& all, std::string_view wanted) {
    const std::string near = nearest_name(all, wanted);
    Error error(Fault::usage, fmt::format("no checkpoint in the store is of {}{}", printable(wanted),
                                          near.empty() ? "" : fmt::format("; did you mean {}?", printable(near))));
    if (const Entries some = similar(all, wanted); !some.empty())
        error.cause(list_of(some));
    return error.hint("`cedana client list` shows what is there");
}

// By its first bytes: the record of an entry, or the end of an archive without any (APPNOTE 4.3.7, 4.3.16).
bool is_zip(const fs::path& path) {
    std::error_code ignored;
    if (!fs::is_regular_file(path, ignored))
        return false;
    std::array<char, 4> begin{};
    std::ifstream(path, std::ios::binary).read(begin.data(), begin.size());
    const std::string_view text(begin.data(), begin.size());
    return text == std::string_view("PK\x03\x04") || text == std::string_view("PK\x05\x06");
}

// A file that happens to have a program's name, as a script beside which it is restored, is not meant.
bool looks_like_a_path(const std::string& wanted) {
    return wanted.find('/') != std::string::npos || wanted.ends_with(".zip") || is_zip(wanted);
}

// Where a file without a folder is: in the store that was named, here, or in the store of the settings.
fs::path find_file(const std::string& wanted, const std::optional<fs::path>& store, const Config& config) {
    std::error_code ignored;
    if (fs::path(wanted).has_parent_path())
        return wanted;
    if (store && (fs::exists(*store / wanted, ignored) || !fs::exists(wanted, ignored)))
        return *store / wanted;
    if (store || fs::exists(wanted, ignored))
        return wanted;
    const fs::path usual = find_store({}, config) / wanted;
    return fs::exists(usual, ignored) ? usual : fs::path(wanted);
}

Entries checkpoints_of(const Entries& catalog) {
    return select(catalog, [](const CatalogEntry& entry) { return entry.kind == EntryKind::checkpoint; });
}

std::ptrdiff_t count_of_unreadable(const Entries& catalog) {
    return std::ranges::count(catalog, EntryKind::encrypted, &CatalogEntry::kind);
}

Entries find_wanted(const Entries& all, std::string_view wanted) {
    std::int64_t pid = 0;
    if (all.empty())
        return {};
    return wanted == k_latest ? newest(all) : parse_number(wanted, pid) ? with_pid(all, pid) : named(all, wanted);
}

// What somebody put there whom nobody trusts must neither be picked nor make it unclear what is meant.
Entries trusted_candidates(Entries catalog, std::string_view wanted, const Keyring& keyring) {
    const bool was_found = !find_wanted(checkpoints_of(catalog), wanted).empty();
    const std::size_t untrusted = drop_untrusted(catalog, keyring);
    if (untrusted == 0)
        return candidates(catalog, wanted);
    if (was_found && find_wanted(checkpoints_of(catalog), wanted).empty())
        throw Error(Fault::checkpoint,
                    fmt::format("no checkpoint that {} means is signed by a trusted key", printable(wanted)))
            .hint("`cedana client list` shows who signed what; `cedana client sign ZIP` signs older ones");
    spdlog::warn("{} checkpoint{} passed over: not signed by a trusted key", untrusted, untrusted == 1 ? "" : "s");
    return candidates(catalog, wanted);
}

} // namespace

Entries candidates(const Entries& catalog, std::string_view wanted) {
    const Entries all = checkpoints_of(catalog);
    if (all.empty() && count_of_unreadable(catalog) != 0)
        throw Error(Fault::permission, "the checkpoints in the store are encrypted, and no key here opens one")
            .hint("set security.encryption_key or security.identity in /etc/cedana/config.json, or name the file: then "
                  "its passphrase is asked for");
    if (all.empty())
        throw Error(Fault::usage, "there is no checkpoint in the store")
            .hint("-d names another store; `cedana client list` shows what is in it");
    const Entries found = find_wanted(all, wanted);
    if (found.empty())
        throw nothing_of(all, wanted);
    if (!is_one_process(found))
        throw Error(Fault::usage,
                    fmt::format("{} is not clear: there are checkpoints of more than one process", printable(wanted)))
            .cause(list_of(found))
            .hint(fmt::format("if the newest is meant: {} in its place; or name another pid, or the file",
                              found.front().summary->pid));
    // What is older is only of interest when the newest is damaged.
    return wanted == k_latest ? all : found;
}

fs::path pick_checkpoint(const std::string& wanted, const Config& config, const Keyring& keyring,
                         const Interrupt& interrupt, const PickRules& rules) {
    if (looks_like_a_path(wanted)) {
        if (rules.before)
            throw Error(Fault::usage, fmt::format("{} is one checkpoint, whenever it was made", printable(wanted)))
                .hint("--before is of use with `latest`, a name or a pid");
        return find_file(wanted, rules.store, config);
    }
    const fs::path folder = find_store(rules.store, config);
    const auto found = step(fmt::format("looking in {}", printable(folder.string())), [&] {
        Entries catalog = read_catalog(folder, keyring, interrupt);
        require_readable(catalog);
        if (rules.before)
            std::erase_if(catalog, [&](const CatalogEntry& entry) { return entry.when >= *rules.before; });
        if (const auto unreadable = count_of_unreadable(catalog); unreadable != 0)
            spdlog::warn("{} encrypted checkpoint{} passed over: no key here opens {}", unreadable,
                         unreadable == 1 ? "" : "s", unreadable == 1 ? "it" : "them");
        return trusted_candidates(std::move(catalog), wanted, keyring);
    });
    if (rules.damaged == Damaged::picked)
        return found.front().path;
    for (const CatalogEntry& entry : found) {
        try {
            static_cast<void>(Checkpoint(entry.path, keyring));
            return entry.path;
        } catch (const Error& error) {
            spdlog::warn("passed over: {}", error.message());
        }
    }
    throw Error(Fault::checkpoint,
                fmt::format("none of the {} checkpoints that {} means is whole", found.size(), printable(wanted)))
        .hint(fmt::format("cedana client list {}", shell_word(folder.string())));
}

} // namespace cedana
