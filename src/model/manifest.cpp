// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/manifest.hpp"

#include "cedana/base/text.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fcntl.h>

#include "manifest_fields.hpp"

namespace cedana {

namespace {

void check_tree(const std::vector<ManifestProcess>& tree) {
    if (tree.empty())
        refuse_manifest("its tree has no process");
    std::set<pid_t> seen;
    for (const ManifestProcess& process : tree) {
        if (!std::ranges::count(process.threads, process.pid))
            refuse_manifest(fmt::format("process {} is not among its own threads", process.pid));
        for (const pid_t thread : process.threads)
            if (!seen.insert(thread).second)
                refuse_manifest(fmt::format("the pid {} is there twice", thread));
    }
}

void check_files(const std::vector<CapturedFile>& files) {
    std::set<std::string> paths;
    std::set<std::string> entries;
    for (const CapturedFile& file : files) {
        if (file.path == "/")
            refuse_manifest("/ is no file");
        if (!file.entry.empty() && file.digest.empty())
            refuse_manifest(fmt::format("{} was captured without a digest", printable(file.path)));
        if (!paths.insert(file.path).second)
            refuse_manifest(fmt::format("the file {} is there twice", printable(file.path)));
        if (!file.entry.empty() && !entries.insert(file.entry).second)
            refuse_manifest(fmt::format("two files have the entry {}", file.entry));
    }
}

// What is linked and unlinked as root is never anything else.
void check_link_remaps(const std::vector<LinkRemap>& remaps) {
    for (const LinkRemap& remap : remaps)
        if (!is_remap_name(remap.link.substr(remap.link.rfind('/') + 1)) ||
            (!remap.waits.empty() && !is_remap_name(remap.waits.substr(remap.waits.rfind('/') + 1))))
            refuse_manifest("a name of criu's for a file is none");
}

// They become arguments of CRIU.
void check_outside_files(const std::vector<OutsideFile>& files) {
    for (const OutsideFile& file : files)
        if (!is_external_id(file.id) || !file.path.starts_with('/'))
            refuse_manifest("what criu calls a file of another mount namespace is no name for one");
}

void check_unit_entries(const std::vector<UnitEntry>& entries) {
    for (const UnitEntry& entry : entries)
        if (entry.path == "/" || (entry.kind == UnitEntryKind::link) == entry.target.empty())
            refuse_manifest(fmt::format("{} is nothing that a unit has", printable(entry.path)));
}

// They become lines that the journal reads.
void check_journal_streams(const std::vector<JournalStream>& streams) {
    const auto is_line = [](const std::string& text) { return text.find('\n') == std::string::npos; };
    for (const JournalStream& stream : streams)
        if (!is_line(stream.unit) || !is_line(stream.identifier))
            refuse_manifest("what the journal is to call a stream is no line");
        else if (log_namespace_of(journal_socket(stream.log_namespace)) != stream.log_namespace)
            refuse_manifest(fmt::format("{} is no namespace of a journal", printable(stream.log_namespace)));
}

void check_container(const Manifest& manifest) {
    if ((std::ranges::count(manifest.required_features, k_in_container) != 0) != manifest.container.has_value())
        refuse_manifest("whether it is of a container is not clear");
}

void check_restorable(const Manifest& manifest) {
    const bool is_marked = std::ranges::count(manifest.required_features, k_never_restored) != 0;
    if (is_marked == manifest.cannot_be_restored.empty())
        refuse_manifest("whether it can be restored is not clear");
}

} // namespace

void EntryNumber::read(const Json& json, std::string& entry) const {
    entry = json.get<std::string>();
    std::int64_t number = 0;
    if (!entry.empty() && (!parse_number(entry, number) || number < 0 || std::to_string(number) != entry))
        refuse_manifest(fmt::format("{} is no number of a captured file", printable(entry)));
}

void Digest::read(const Json& json, std::string& digest) const {
    constexpr std::size_t k_digest_size = 64;
    digest = json.get<std::string>();
    if (!digest.empty() && (digest.size() != k_digest_size || !is_hexadecimal(digest)))
        refuse_manifest(fmt::format("{} is no SHA-256", printable(digest)));
}

void Signed::read(const Json& json, int& value) const {
    const auto number = json.is_number_integer() ? json.get<std::int64_t>() : std::numeric_limits<std::int64_t>::max();
    if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max())
        refuse_manifest(
            fmt::format("{} is no number of an attribute", json.dump(-1, ' ', true, Json::error_handler_t::replace)));
    value = static_cast<int>(number);
}

Json LinkTarget::write(const std::string& target) const { return {{"hex", to_hexadecimal(target)}}; }

void LinkTarget::read(const Json& json, std::string& target) const {
    constexpr std::size_t k_longest_path = 4096;
    target = from_hexadecimal(json.at("hex").get<std::string>());
    if (target.empty() || target.size() >= k_longest_path || target.find('\0') != std::string::npos)
        refuse_manifest(fmt::format("{} is nothing to which a link leads", printable(target)));
}

Json AttributesByName::write(const ExtendedAttributes& attributes) const {
    Json object = Json::object();
    for (const auto& [name, value] : attributes)
        object[name] = to_hexadecimal(value);
    return object;
}

void AttributesByName::read(const Json& json, ExtendedAttributes& attributes) const {
    if (!json.is_object())
        refuse_manifest("the extended attributes of a file are none");
    for (const auto& [name, value] : json.items()) {
        std::string bytes = from_hexadecimal(value.get<std::string>());
        if (!goes_with_file(name) || bytes.size() > k_largest_attribute)
            refuse_manifest(fmt::format("{} is no extended attribute that goes with a file", printable(name)));
        attributes.emplace(name, std::move(bytes));
    }
}

void FileTime::read(const Json& json, std::int64_t& time) const {
    const bool fits =
        json.is_number_unsigned() ? json.get<std::uint64_t>() <= k_largest_file : json.is_number_integer();
    if (!fits)
        refuse_manifest(
            fmt::format("{} is no time of a file", json.dump(-1, ' ', true, Json::error_handler_t::replace)));
    time = json.get<std::int64_t>();
}

bool FileUse::appends() const noexcept { return fd >= 0 && (flags & O_APPEND) != 0 && (flags & O_ACCMODE) == O_WRONLY; }

bool is_remap_name(const std::string& name) {
    constexpr std::string_view k_prefix = "link_remap.";
    constexpr std::string_view k_digits = "0123456789";
    constexpr std::size_t k_own = 16;
    if (!name.starts_with(k_prefix))
        return false;
    const std::string_view rest = std::string_view(name).substr(k_prefix.size());
    const std::size_t end = rest.find_first_not_of(k_digits);
    if (end == std::string_view::npos)
        return !rest.empty();
    return end != 0 && rest[end] == '.' && rest.size() == end + 1 + k_own &&
           rest.find_first_not_of("0123456789abcdef", end + 1) == std::string_view::npos;
}

std::span<const std::string_view> known_features() {
    static constexpr std::array k_known = {k_never_restored, k_outside_files, k_journal_streams,  k_unit_entries,
                                           k_in_container,   k_files_ahead,   k_superseded_files, k_outer_dev_tty};
    return k_known;
}

std::string write_manifest(const Manifest& manifest) {
    Json json = {
        {"format_version", manifest.required_features.empty() ? k_manifest_version : k_manifest_version_with_features}};
    json.update(write_record(manifest));
    // Command lines are bytes, and JSON is UTF-8: what is not becomes U+FFFD.
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Manifest parse_manifest(std::string_view text, std::span<const std::string_view> known) {
    // Before it is parsed: with a callback of the parser's an array would take it time by the square of its length.
    require_depth_of(text);
    try {
        const Json json = Json::parse(text);
        const auto features = json.contains("required_features")
                                  ? json.at("required_features").get<std::vector<std::string>>()
                                  : std::vector<std::string>();
        require_version(json.at("format_version").get<std::int64_t>(), features, known);
        auto manifest = read_record<Manifest>(json);
        check_tree(manifest.tree);
        check_files(manifest.files);
        check_link_remaps(manifest.link_remaps);
        check_outside_files(manifest.outside_files);
        check_journal_streams(manifest.journal_streams);
        check_unit_entries(manifest.unit_entries);
        check_container(manifest);
        check_restorable(manifest);
        return manifest;
    } catch (const Json::exception& error) {
        refuse_manifest(what_is_wrong(error));
    }
}

} // namespace cedana
