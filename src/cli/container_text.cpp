// SPDX-License-Identifier: Apache-2.0
#include "cedana/cli/container_text.hpp"

#include "cedana/base/text.hpp"

#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

std::string source_text(const ContainerMount& mount) {
    switch (mount.kind) {
    case MountSource::host:
        return printable(mount.source) + " of the host";
    case MountSource::volume:
        return fmt::format("the volume {}{}", printable(mount.source),
                           mount.content.empty() ? "" : ", in the checkpoint");
    case MountSource::engine:
        break;
    }
    return "made by the engine";
}

std::string_view source_name(MountSource source) {
    switch (source) {
    case MountSource::host:
        return "host";
    case MountSource::volume:
        return "volume";
    case MountSource::engine:
        break;
    }
    return "engine";
}

Json or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

} // namespace

std::vector<std::pair<std::string, std::string>> container_facts(const ContainerRecord& container) {
    std::vector<std::pair<std::string, std::string>> facts;
    facts.emplace_back("container",
                       fmt::format("{}, {} of {} with {}", printable(container.name), printable(short_id(container.id)),
                                   printable(container.engine), printable(container.runtime)));
    if (!container.image.empty())
        facts.emplace_back("image", fmt::format("{} ({})", printable(container.image), printable(container.image_id)));
    if (!container.restart_policy.empty() || container.removed_at_end)
        facts.emplace_back("ends", container.removed_at_end ? "the engine removes it when it ends"
                                                            : "restart policy " + printable(container.restart_policy));
    for (const ContainerNetwork& network : container.networks)
        facts.emplace_back("network", fmt::format("{} {} {}", printable(network.name), printable(network.address),
                                                  printable(network.hardware_address)));
    for (const ContainerMount& mount : container.mounts)
        if (mount.kind != MountSource::engine)
            facts.emplace_back("mount", fmt::format("{}{}: {}", printable(mount.destination),
                                                    mount.read_only ? " (read-only)" : "", source_text(mount)));
    for (const std::string& process : container.left_out)
        facts.emplace_back("left out", printable(process));
    return facts;
}

Json to_json(const ContainerRecord& container) {
    Json json = {{"engine", container.engine},
                 {"runtime", container.runtime},
                 {"container_id", container.id},
                 {"name", container.name},
                 {"image", or_null(container.image)},
                 {"image_id", or_null(container.image_id)},
                 {"restart_policy", or_null(container.restart_policy)},
                 {"removed_at_end", container.removed_at_end},
                 {"has_terminal", container.has_terminal},
                 {"mounts", Json::array()},
                 {"networks", Json::array()},
                 {"left_out", container.left_out}};
    for (const ContainerMount& mount : container.mounts)
        json["mounts"].push_back({{"destination", mount.destination},
                                  {"source_kind", source_name(mount.kind)},
                                  {"source", or_null(mount.source)},
                                  {"read_only", mount.read_only},
                                  {"is_captured", !mount.content.empty()}});
    for (const ContainerNetwork& network : container.networks)
        json["networks"].push_back({{"name", network.name},
                                    {"address", or_null(network.address)},
                                    {"hardware_address", or_null(network.hardware_address)}});
    return json;
}

} // namespace cedana
