// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/checkpoint_summary.hpp"

#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/model/manifest.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

namespace {

// Takes the few values out of the text as they pass, and stops when it has them: to build all of the others, thousands
// of times, is what a listing would spend most of its time on. What a tree had open, which may be long, comes last.
class SummaryEvents {
  public:
    std::optional<std::uint64_t> version;
    // Null where the version is one without.
    std::optional<std::vector<std::string>> features;
    std::optional<std::string> created;
    std::optional<std::string> name;
    std::optional<std::string> host;
    std::optional<std::uint64_t> pid;
    std::optional<std::uint64_t> start_time;
    std::optional<std::string> executable;
    std::optional<std::string> command_line;
    std::optional<bool> leave_running;
    std::size_t processes = 0;
    std::optional<std::uint64_t> bytes_images;

    // The names of these are nlohmann's (json_sax); false ends the parsing.
    bool key(const std::string& key) {
        if (depth_ == 1) {
            if (is_complete())
                return false;
            enter(key);
        } else if (depth_ == 2 && section_ == Section::host && key == "name") {
            text_ = &host;
        } else if (depth_ == 3 && section_ == Section::tree && processes == 1) {
            enter_root(key);
        }
        return true;
    }
    bool string(std::string& value) {
        if (in_ == List::command_line) {
            command_line->append(value).push_back('\0');
            return true;
        }
        if (in_ == List::features) {
            features->push_back(std::move(value));
            return true;
        }
        if (text_ != nullptr)
            *text_ = std::move(value);
        return leave();
    }
    bool number_unsigned(std::uint64_t value) {
        if (number_ != nullptr)
            *number_ = value;
        return leave();
    }
    bool number_integer(std::int64_t) { return leave(); }
    bool number_float(double, const std::string&) { return leave(); }
    bool boolean(bool value) {
        if (flag_ != nullptr)
            *flag_ = value;
        return leave();
    }
    bool null() { return leave(); }
    bool binary(nlohmann::json::binary_t&) { return leave(); }
    bool start_object(std::size_t) {
        if (depth_ == 2 && section_ == Section::tree)
            ++processes;
        return open();
    }
    bool start_array(std::size_t) {
        const List list = begins_;
        open();
        if (list == List::command_line)
            command_line.emplace();
        else if (list == List::features)
            features.emplace();
        in_ = list;
        return true;
    }
    bool end_object() { return close(); }
    bool end_array() {
        in_ = List::none;
        return close();
    }
    static bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
        refuse_manifest(printable(error.what()));
    }

  private:
    enum class Section { other, host, tree };
    // Whose texts are kept.
    enum class List { none, command_line, features };

    void enter(const std::string& key) {
        section_ = key == "host" ? Section::host : key == "tree" ? Section::tree : Section::other;
        if (key == "tree")
            processes = 0;
        text_ = key == "created" ? &created : key == "name" ? &name : nullptr;
        number_ = key == "format_version" ? &version : key == "bytes_images" ? &bytes_images : nullptr;
        flag_ = key == "leave_running" ? &leave_running : nullptr;
        begins_ = key == "required_features" ? List::features : List::none;
    }
    void enter_root(const std::string& key) {
        text_ = key == "executable" ? &executable : nullptr;
        number_ = key == "pid" ? &pid : key == "start_time" ? &start_time : nullptr;
        begins_ = key == "command_line" ? List::command_line : List::none;
    }
    // Once a value has been seen, what follows it is not that value.
    bool leave() {
        text_ = nullptr;
        number_ = nullptr;
        flag_ = nullptr;
        begins_ = List::none;
        // Something in a list of texts that is no text.
        const List list = std::exchange(in_, List::none);
        if (list == List::command_line)
            command_line.reset();
        else if (list == List::features)
            features.reset();
        return true;
    }
    [[nodiscard]] bool is_complete() const {
        return version && (version == k_manifest_version || features) && created && name && host && pid && start_time &&
               executable && command_line && leave_running && bytes_images;
    }
    bool open() {
        require_depth(++depth_);
        return leave();
    }
    bool close() {
        --depth_;
        return leave();
    }

    int depth_ = 0;
    Section section_ = Section::other;
    std::optional<std::string>* text_ = nullptr;
    std::optional<std::uint64_t>* number_ = nullptr;
    std::optional<bool>* flag_ = nullptr;
    List begins_ = List::none;
    List in_ = List::none;
};

template <typename Value>
Value needed(std::optional<Value>& value, const char* key) {
    if (!value)
        refuse_manifest(fmt::format("it has no usable {}", key));
    return std::move(*value);
}

} // namespace

CheckpointSummary parse_summary(std::string_view text) {
    SummaryEvents events;
    nlohmann::json::sax_parse(text, &events);
    const std::uint64_t version = needed(events.version, "format_version");
    require_version(static_cast<std::int64_t>(version),
                    version == k_manifest_version ? events.features.value_or(std::vector<std::string>())
                                                  : needed(events.features, "required_features"),
                    known_features());
    const std::string created = needed(events.created, "created");
    const auto when = parse_utc_iso(created);
    if (!when)
        refuse_manifest(fmt::format("'{}' is no time", printable(created)));
    return {.created = *when,
            .name = needed(events.name, "name"),
            .host = needed(events.host, "host"),
            .pid = to_pid(needed(events.pid, "pid")),
            .start_time = needed(events.start_time, "start_time"),
            .executable = needed(events.executable, "executable"),
            .command_line = needed(events.command_line, "command_line"),
            .leave_running = needed(events.leave_running, "leave_running"),
            .processes = events.processes,
            .bytes_images = needed(events.bytes_images, "bytes_images")};
}

} // namespace cedana
