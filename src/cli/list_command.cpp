// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/system_names.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/failure.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/transfers.hpp"
#include "cedana/migration/record.hpp"
#include "cedana/store/catalog.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::system_clock;

struct ListArguments {
    std::optional<std::filesystem::path> store;
    std::string name;
    std::string newer;
    std::string older;
    bool paths_alone = false;
    bool lazy = false;
};

// What a listing says beside the catalog itself.
struct Now {
    Clock::time_point time = Clock::now();
    Procfs procfs;
    std::string host = system_names().host;

    [[nodiscard]] std::chrono::seconds age(const CatalogEntry& entry) const {
        return std::chrono::duration_cast<std::chrono::seconds>(time - entry.when);
    }
    [[nodiscard]] std::string state(const CatalogEntry& entry) const {
        std::error_code ignored;
        if (entry.summary && std::filesystem::exists(migration::commit_of(entry.path), ignored))
            return "moved";
        return entry.summary ? std::string(name_of(process_now(*entry.summary, procfs, host))) : "";
    }
};

double ratio_of(const CatalogEntry& entry) {
    return entry.bytes == 0 ? 0 : static_cast<double>(entry.summary->bytes_images) / static_cast<double>(entry.bytes);
}

Json to_json(const CatalogEntry& entry, const Now& now) {
    Json json = {{"checkpoint", entry.path.string()},
                 {"kind", name_of(entry.kind)},
                 {"created", utc_iso(entry.when)},
                 {"age_seconds", now.age(entry).count()},
                 {"bytes_archive", entry.bytes}};
    if (!entry.summary) {
        json["reason"] = entry.flaw;
        return json;
    }
    json["name"] = entry.summary->name;
    json["label"] = text_or_null(entry.summary->label);
    json["engine"] = text_or_null(entry.summary->engine);
    json["executable"] = entry.summary->executable;
    json["command_line"] = arguments_of(*entry.summary);
    json["pid"] = entry.summary->pid;
    json["process_count"] = entry.summary->processes;
    json["bytes_images"] = entry.summary->bytes_images;
    json["restorable"] = entry.summary->restorable;
    json["ratio"] = ratio_of(entry);
    json["host"] = entry.summary->host;
    json["now"] = now.state(entry);
    json["signature"] = name_of(entry.signature.by);
    json["signed_by"] = text_or_null(entry.signature.key_id);
    return json;
}

Json to_json(const std::filesystem::path& store, const std::vector<CatalogEntry>& entries, const Now& now) {
    Json json = {{"store", store.string()}, {"entries", Json::array()}};
    for (const CatalogEntry& entry : entries)
        json["entries"].push_back(to_json(entry, now));
    return json;
}

// Whether a listing tells who signed what.
enum class Signatures { hidden, shown };

Signatures signatures_of(const std::vector<CatalogEntry>& entries, const Keyring& keyring) {
    const auto is_signed = [](const CatalogEntry& entry) { return entry.signature.by != SignedBy::nobody; };
    return keyring.is_strict() || std::ranges::any_of(entries, is_signed) ? Signatures::shown : Signatures::hidden;
}

Cell signature_of(const CatalogEntry& entry) {
    switch (entry.signature.by) {
    case SignedBy::trusted:
        return {std::string(name_of(entry.signature.by)), Colour::green};
    case SignedBy::other:
        return {std::string(name_of(entry.signature.by)), Colour::red};
    case SignedBy::nobody:
    case SignedBy::unchecked:
        break;
    }
    return entry.summary ? Cell(std::string(name_of(entry.signature.by))) : Cell("");
}

Cell now_cell(const CatalogEntry& entry, const std::string& state) {
    if (!entry.summary->restorable)
        return {state + ", and it cannot be restored", Colour::red};
    return {state, state == "running" || state == "restored" ? Colour::green : Colour::none};
}

// Of a longer command line the begin says enough.
constexpr std::size_t k_widest_command = 40;

std::vector<Cell> row_of(const CatalogEntry& entry, const Now& now) {
    const std::string name = printable(entry.path.filename().string());
    const std::string age = human_age(now.age(entry));
    if (!entry.summary) {
        const Colour colour = entry.kind == EntryKind::damaged ? Colour::red : Colour::dim;
        return {Cell(name, colour),
                "",
                "",
                utc_iso(entry.when),
                age,
                human_bytes(entry.bytes),
                "",
                "",
                "",
                "",
                Cell(fmt::format("{}: {}", entry.kind == EntryKind::unreadable ? "not readable" : name_of(entry.kind),
                                 printable(entry.flaw)),
                     colour)};
    }
    const std::string state = now.state(entry);
    return {name,
            printable(entry.summary->name),
            std::to_string(entry.summary->pid),
            utc_iso(entry.when),
            age,
            human_bytes(entry.bytes),
            fmt::format("{:.1f}x", ratio_of(entry)),
            std::to_string(entry.summary->processes),
            printable(entry.summary->host),
            fitted(printable(fmt::format("{}", fmt::join(arguments_of(*entry.summary), " "))), k_widest_command),
            now_cell(entry, state)};
}

// It is counted; with --json each has its line.
bool is_foreign(const CatalogEntry& entry) { return entry.kind == EntryKind::foreign; }

Table table_of(const std::vector<CatalogEntry>& entries, const Now& now, Signatures signatures) {
    std::vector<Column> columns = {{.title = "NAME"},
                                   {.title = "PROGRAM", .rank = 4},
                                   {.title = "PID", .align = Align::right},
                                   {.title = "CREATED", .rank = 3},
                                   {.title = "AGE", .align = Align::right},
                                   {.title = "SIZE", .align = Align::right},
                                   {.title = "RATIO", .align = Align::right, .rank = 1},
                                   {.title = "PROCESSES", .align = Align::right, .rank = 5},
                                   {.title = "HOST", .rank = 2},
                                   {.title = "COMMAND", .rank = 6},
                                   {.title = "NOW", .elastic = true}};
    if (signatures == Signatures::shown)
        columns.insert(columns.end() - 1, {.title = "SIGNED"});
    const bool has_labels = std::ranges::any_of(
        entries, [](const CatalogEntry& entry) { return entry.summary && !entry.summary->label.empty(); });
    const bool has_engines = std::ranges::any_of(
        entries, [](const CatalogEntry& entry) { return entry.summary && !entry.summary->engine.empty(); });
    if (has_engines)
        columns.insert(columns.begin() + 1, {.title = "ENGINE"});
    if (has_labels)
        columns.insert(columns.begin() + 1, {.title = "LABEL"});
    Table table(std::move(columns));
    for (const CatalogEntry& entry : entries) {
        if (is_foreign(entry))
            continue;
        std::vector<Cell> row = row_of(entry, now);
        if (has_engines)
            row.insert(row.begin() + 1, entry.summary ? Cell(printable(entry.summary->engine)) : Cell(""));
        if (has_labels)
            row.insert(row.begin() + 1, entry.summary ? Cell(printable(entry.summary->label)) : Cell(""));
        if (signatures == Signatures::shown)
            row.insert(row.end() - 1, signature_of(entry));
        table.add(std::move(row));
    }
    return table;
}

void print_paths(const std::vector<CatalogEntry>& entries) {
    std::vector<std::string> paths;
    for (const CatalogEntry& entry : entries)
        if (entry.kind == EntryKind::checkpoint)
            paths.push_back(entry.path.string());
    if (!paths.empty())
        print_line(fmt::format("{}", fmt::join(paths, "\n")));
}

void print_entries(const std::vector<CatalogEntry>& entries, const Now& now, const Keyring& keyring) {
    const auto foreign = static_cast<std::size_t>(std::ranges::count_if(entries, is_foreign));
    if (foreign != entries.size())
        print_table(table_of(entries, now, signatures_of(entries, keyring)));
    if (foreign != 0)
        print_note(foreign == 1 ? "1 other file is no checkpoint"
                                : fmt::format("{} other files are no checkpoints", foreign));
}

// Why there is nothing to show.
std::string nothing_in(const std::filesystem::path& store, std::size_t all) {
    const std::string where = printable(store.string());
    if (all == 0)
        return fmt::format("no checkpoints in {}", where);
    return all == 1 ? fmt::format("the one file in {} is not what was asked for", where)
                    : fmt::format("none of the {} files in {} is what was asked for", all, where);
}

void run(const ListArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    if (arguments.lazy && (arguments.store || arguments.paths_alone || !arguments.name.empty() ||
                           !arguments.newer.empty() || !arguments.older.empty()))
        throw Error(Fault::usage, "--lazy lists restores that are on their way, which lie in no folder")
            .hint("leave out the folder, --name, --newer, --older and --paths");
    if (arguments.lazy)
        return list_transfers(common);
    const CatalogFilter filter{.name = arguments.name,
                               .newer_than = age_of(arguments.newer, "--newer"),
                               .older_than = age_of(arguments.older, "--older")};
    const Config config = load_config_for(common).values;
    const auto store = find_store(arguments.store, config);
    const Keyring keyring(config);
    const Now now;
    std::vector<CatalogEntry> entries = read_catalog(store, keyring, interrupt);
    const std::size_t all = entries.size();
    std::erase_if(entries, [&](const CatalogEntry& entry) { return !passes(entry, filter, now.time); });
    const Json result = common.format == Format::json ? to_json(store, entries, now) : Json::object();
    if (common.format == Format::text && arguments.paths_alone)
        print_paths(entries);
    else if (common.format == Format::text && entries.empty())
        print_note(nothing_in(store, all));
    else if (common.format == Format::text)
        print_entries(entries, now, keyring);
    // They are named above; a script must not take what it sees for all that is there.
    if (const auto error = unreadable(entries); error && ::geteuid() != 0)
        throw FailedWithResult{*error, result};
    if (common.format == Format::json)
        print_json(result);
}

} // namespace

Command list_command() {
    const auto arguments = std::make_shared<ListArguments>();
    return {.name = "list",
            .summary = "the checkpoints in a folder, newest first",
            .options = {store_argument(arguments->store),
                        dir_option(arguments->store),
                        {.names = {"-n", "--name"},
                         .value = "NAME",
                         .meaning = "only those whose name holds NAME, or fits it as a pattern",
                         .target = &arguments->name,
                         .complete = Complete::names},
                        {.names = {"--newer"},
                         .value = "AGE",
                         .meaning = "only those younger than AGE: 90s, 15m, 2h, 7d, 3w",
                         .target = &arguments->newer},
                        {.names = {"--older"},
                         .value = "AGE",
                         .meaning = "only those older than AGE",
                         .target = &arguments->older},
                        {.names = {"-q", "--paths"},
                         .meaning = "paths alone, of checkpoints alone",
                         .target = &arguments->paths_alone},
                        {.names = {"--lazy"},
                         .meaning = "the lazy restores whose memory is still on its way",
                         .target = &arguments->lazy}},
            .examples = {"sudo cedana client list /var/checkpoints --name redis --newer 7d"},
            .run = [arguments](const CommonArguments& common, const Interrupt& interrupt) {
                run(*arguments, common, interrupt);
            }};
}

} // namespace cedana
