// SPDX-License-Identifier: Apache-2.0
#include "cedana/model/checkpoint_summary.hpp"

#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/model/json_failure.hpp"
#include "cedana/model/manifest.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "manifest_json.hpp"

namespace cedana {

namespace {

// What a listing shows, as far as it was seen.
struct KeptValues {
    std::optional<std::uint64_t> version;
    // Null where the version is one without.
    std::optional<std::vector<std::string>> features;
    std::optional<std::string> created;
    std::optional<std::string> name;
    // Not in all.
    std::optional<std::string> label;
    std::optional<std::string> engine;
    std::optional<std::string> host;
    std::optional<std::uint64_t> pid;
    std::optional<std::uint64_t> start_time;
    std::optional<std::string> executable;
    std::optional<std::string> command_line;
    std::optional<bool> leave_running;
    std::size_t processes = 0;
    std::optional<std::uint64_t> bytes_images;

    [[nodiscard]] bool is_complete() const {
        return version && (version == k_manifest_version || features) && created && name && host && pid && start_time &&
               executable && command_line && leave_running && bytes_images;
    }
};

// Takes the few values out of the text as they pass, and stops when it has them: to build all of the others, thousands
// of times, is what a listing would spend most of its time on. What a tree had open, which may be long, comes last.
class SummaryEvents {
  public:
    explicit SummaryEvents(KeptValues& kept) : kept_(kept) {}

    // The names of these are nlohmann's (json_sax); false ends the parsing.
    bool key(const std::string& key) {
        if (depth_ == 1) {
            if (kept_.is_complete())
                return false;
            enter(key);
        } else if (depth_ == 2 && section_ == Section::host && key == "name") {
            awaited_.text = &kept_.host;
        } else if (depth_ == 2 && section_ == Section::container && key == "engine") {
            awaited_.text = &kept_.engine;
        } else if (depth_ == 3 && section_ == Section::tree && kept_.processes == 1) {
            enter_root(key);
        }
        return true;
    }
    bool string(std::string& value) {
        if (in_ == List::command_line) {
            kept_.command_line->append(value).push_back('\0');
            return true;
        }
        if (in_ == List::features) {
            kept_.features->push_back(std::move(value));
            return true;
        }
        if (awaited_.text != nullptr)
            *awaited_.text = std::move(value);
        return leave();
    }
    bool number_unsigned(std::uint64_t value) {
        if (awaited_.number != nullptr)
            *awaited_.number = value;
        return leave();
    }
    bool number_integer(std::int64_t) { return leave(); }
    bool number_float(double, const std::string&) { return leave(); }
    bool boolean(bool value) {
        if (awaited_.flag != nullptr)
            *awaited_.flag = value;
        return leave();
    }
    bool null() { return leave(); }
    bool binary(nlohmann::json::binary_t&) { return leave(); }
    bool start_object(std::size_t) {
        if (depth_ == 2 && section_ == Section::tree)
            ++kept_.processes;
        return open();
    }
    bool start_array(std::size_t) {
        const List list = awaited_.list;
        open();
        if (list == List::command_line)
            kept_.command_line.emplace();
        else if (list == List::features)
            kept_.features.emplace();
        in_ = list;
        return true;
    }
    bool end_object() { return close(); }
    bool end_array() {
        in_ = List::none;
        return close();
    }
    static bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
        refuse_manifest(what_is_wrong(error));
    }

  private:
    enum class Section { other, host, container, tree };
    // Whose texts are kept.
    enum class List { none, command_line, features };
    // Where the value goes that comes next.
    struct Awaited {
        std::optional<std::string>* text = nullptr;
        std::optional<std::uint64_t>* number = nullptr;
        std::optional<bool>* flag = nullptr;
        List list = List::none;
    };

    void enter(const std::string& key) {
        section_ = key == "host"        ? Section::host
                   : key == "container" ? Section::container
                   : key == "tree"      ? Section::tree
                                        : Section::other;
        if (key == "tree")
            kept_.processes = 0;
        awaited_.text = key == "created" ? &kept_.created
                        : key == "name"  ? &kept_.name
                        : key == "label" ? &kept_.label
                                         : nullptr;
        awaited_.number = key == "format_version" ? &kept_.version
                          : key == "bytes_images" ? &kept_.bytes_images
                                                  : nullptr;
        awaited_.flag = key == "leave_running" ? &kept_.leave_running : nullptr;
        awaited_.list = key == "required_features" ? List::features : List::none;
    }
    void enter_root(const std::string& key) {
        awaited_.text = key == "executable" ? &kept_.executable : nullptr;
        awaited_.number = key == "pid" ? &kept_.pid : key == "start_time" ? &kept_.start_time : nullptr;
        awaited_.list = key == "command_line" ? List::command_line : List::none;
    }
    // Once a value has been seen, what follows it is not that value.
    bool leave() {
        awaited_ = {};
        // Something in a list of texts that is no text.
        const List list = std::exchange(in_, List::none);
        if (list == List::command_line)
            kept_.command_line.reset();
        else if (list == List::features)
            kept_.features.reset();
        return true;
    }
    bool open() {
        require_depth(++depth_);
        return leave();
    }
    bool close() {
        --depth_;
        return leave();
    }

    KeptValues& kept_;
    int depth_ = 0;
    Section section_ = Section::other;
    Awaited awaited_;
    List in_ = List::none;
};

template <typename Value>
Value needed(std::optional<Value>& value, const char* key) {
    if (!value)
        refuse_manifest(fmt::format("it has no usable {}", key));
    return std::move(*value);
}

} // namespace

std::vector<std::string> arguments_of(const CheckpointSummary& summary) {
    std::vector<std::string> arguments = split(summary.command_line, '\0');
    // Each has a NUL behind it.
    arguments.pop_back();
    return arguments;
}

CheckpointSummary parse_summary(std::string_view text) {
    KeptValues kept;
    SummaryEvents events(kept);
    nlohmann::json::sax_parse(text, &events);
    const std::uint64_t version = needed(kept.version, "format_version");
    const bool restorable =
        std::ranges::count(kept.features.value_or(std::vector<std::string>()), k_never_restored) == 0;
    require_version(static_cast<std::int64_t>(version),
                    version == k_manifest_version ? kept.features.value_or(std::vector<std::string>())
                                                  : needed(kept.features, "required_features"),
                    known_features());
    const std::string created = needed(kept.created, "created");
    const auto when = parse_utc_iso(created);
    if (!when)
        refuse_manifest(fmt::format("'{}' is no time", printable(created)));
    return {.created = *when,
            .name = needed(kept.name, "name"),
            .label = std::move(kept.label).value_or(""),
            .engine = std::move(kept.engine).value_or(""),
            .host = needed(kept.host, "host"),
            .pid = to_pid(needed(kept.pid, "pid")),
            .start_time = needed(kept.start_time, "start_time"),
            .executable = needed(kept.executable, "executable"),
            .command_line = needed(kept.command_line, "command_line"),
            .leave_running = needed(kept.leave_running, "leave_running"),
            .restorable = restorable,
            .processes = kept.processes,
            .bytes_images = needed(kept.bytes_images, "bytes_images")};
}

} // namespace cedana
