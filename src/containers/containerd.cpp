// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/containerd.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/keys/key_text.hpp"
#include "cedana/model/json_failure.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <iterator>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace {

using Json = nlohmann::json;

constexpr std::string_view k_default_space = "default";

template <typename Read>
auto read_info(std::string_view info, Read&& read) {
    try {
        return read(Json::parse(info));
    } catch (const Json::exception& error) {
        throw Error(Fault::environment,
                    fmt::format("what containerd says of the container cannot be read: {}", what_is_wrong(error)));
    }
}

std::string from_base64(const std::string& text) {
    const auto padding = static_cast<std::size_t>(std::ranges::count(text, '='));
    std::string bytes(text.size() / 4 * 3 - std::min(padding, text.size() / 4 * 3), '\0');
    return parse_base64(text, std::as_writable_bytes(std::span(bytes))) ? bytes : std::string();
}

// containerd.runc.v1.Options (runtime/v2/runc/options/oci.proto), BinaryName.
std::string binary_name_in(const std::string& options) {
    constexpr protozero::pbf_tag_type k_binary_name = 6;
    try {
        for (protozero::pbf_reader field(options); field.next();)
            if (field.tag() == k_binary_name && field.wire_type() == protozero::pbf_wire_type::length_delimited)
                return field.get_string();
            else
                field.skip();
    } catch (const protozero::exception&) {
        return {};
    }
    return {};
}

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words = split(line, ' ');
    std::erase(words, std::string());
    return words;
}

// All that is bound comes from the host: ctr makes nothing of its own.
std::vector<ContainerMount> mounts_of_containerd(const Json& specification) {
    std::vector<ContainerMount> mounts;
    for (const Json& mount : specification.value("mounts", Json::array())) {
        const auto options = mount.value("options", std::vector<std::string>());
        if (mount.value("type", "") != "bind" && std::ranges::count(options, "bind") == 0 &&
            std::ranges::count(options, "rbind") == 0)
            continue;
        mounts.push_back({.destination = mount.at("destination").get<std::string>(),
                          .kind = MountSource::host,
                          .source = mount.value("source", ""),
                          .read_only = std::ranges::count(options, "ro") != 0});
    }
    return mounts;
}

} // namespace

std::string ContainerdName::text() const { return space == k_default_space ? id : fmt::format("{}/{}", space, id); }

std::optional<ContainerdName> parse_containerd_name(std::string_view name) {
    const std::size_t slash = name.find('/');
    ContainerdName parsed{.space =
                              std::string(slash == std::string_view::npos ? k_default_space : name.substr(0, slash)),
                          .id = std::string(slash == std::string_view::npos ? name : name.substr(slash + 1))};
    return is_plain_name(parsed.space) && is_plain_name(parsed.id) ? std::optional(std::move(parsed)) : std::nullopt;
}

std::vector<std::string> in_space(const ContainerdName& name, std::vector<std::string> words) {
    words.insert(words.begin(), {"--namespace", name.space});
    return words;
}

std::optional<ContainerdTask> parse_task(std::string_view table, const std::string& id) {
    for (const std::string& line : split(table, '\n')) {
        const std::vector<std::string> words = words_of(line);
        std::int64_t pid = 0;
        if (words.size() != 3 || words[0] != id || !parse_number(words[1], pid))
            continue;
        ContainerdTask task{.pid = static_cast<pid_t>(pid)};
        std::ranges::transform(words[2], std::back_inserter(task.status),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return task;
    }
    return std::nullopt;
}

std::optional<ContainerdTask> find_task(const Engine& engine, const ContainerdName& name) {
    return parse_task(ask(engine, in_space(name, {"tasks", "list"})), name.id);
}

Inspection parse_containerd(const ContainerdName& name, std::string_view info) {
    const std::string runtime = runtime_of_containerd(info);
    return read_info(info, [&](const Json& json) {
        const Json& specification = json.at("Spec");
        const Json process = specification.value("process", Json::object());
        return Inspection{.record = {.engine = "containerd",
                                     .runtime = runtime.empty() ? "runc" : runtime.substr(runtime.rfind('/') + 1),
                                     .id = name.id,
                                     .name = name.text(),
                                     .image = json.value("Image", ""),
                                     .has_terminal = process.value("terminal", false),
                                     .mounts = mounts_of_containerd(specification)},
                          .status = "created"};
    });
}

std::string runtime_of_containerd(std::string_view info) {
    return read_info(info, [](const Json& json) {
        const Json& runtime = json.at("Runtime");
        const auto options = runtime.find("Options");
        return options == runtime.end() || !options->is_object()
                   ? std::string()
                   : binary_name_in(from_base64(options->value("value", "")));
    });
}

std::string specification_of_containerd(std::string_view info) {
    return read_info(info, [](const Json& json) { return json.at("Spec").dump(); });
}

ContainerdSnapshot snapshot_of_containerd(std::string_view info) {
    return read_info(info, [](const Json& json) {
        return ContainerdSnapshot{.snapshotter = json.value("Snapshotter", ""), .key = json.value("SnapshotKey", "")};
    });
}

std::string upper_in_mount(std::string_view command) {
    constexpr std::string_view k_upper = "upperdir=";
    for (const std::string& word : words_of(trim(command)))
        for (const std::string& option : split(word, ','))
            if (option.starts_with(k_upper))
                return option.substr(k_upper.size());
    return {};
}

} // namespace cedana::containers
