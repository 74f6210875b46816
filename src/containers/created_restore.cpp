// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/created_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/runtime_state.hpp"
#include "cedana/model/json_failure.hpp"

#include <set>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

std::set<std::string> mounted_in(const Json& specification) {
    std::set<std::string> destinations;
    for (const Json& mount : specification.value("mounts", Json::array()))
        destinations.insert(mount.at("destination").get<std::string>());
    return destinations;
}

bool wants_terminal(const Json& specification) {
    return specification.value("process", Json::object()).value("terminal", false);
}

} // namespace

std::string write_create_order(const CreateOrder& order) {
    return Json({{"words", order.words}, {"stdio", order.stdio}}).dump(-1, ' ', false, Json::error_handler_t::replace);
}

CreateOrder parse_create_order(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        return {.words = json.at("words").get<std::vector<std::string>>(), .stdio = json.at("stdio").get<int>()};
    } catch (const Json::exception&) {
        throw Error(Fault::usage, "--create is for cedana itself").hint("leave it out");
    }
}

std::string id_in(const CreateOrder& order) { return parse_runtime_call(order.words).id; }

std::vector<std::string> missing_in(std::string_view specification, std::string_view had) {
    try {
        const Json now = Json::parse(specification);
        const Json then = Json::parse(had);
        const std::set<std::string> there = mounted_in(now);
        std::vector<std::string> missing;
        for (const std::string& destination : mounted_in(then))
            if (!there.contains(destination))
                missing.push_back(destination);
        if (wants_terminal(now) != wants_terminal(then))
            missing.emplace_back(wants_terminal(then) ? "a terminal" : "to have no terminal");
        return missing;
    } catch (const Json::exception& error) {
        throw Error(Fault::checkpoint,
                    fmt::format("a container's config.json cannot be read: {}", what_is_wrong(error)));
    }
}

CreatedRestore::CreatedRestore(Engine runtime, CreateOrder order, MadeByHook made_by_hook, std::string_view had)
    : runtime_(std::move(runtime)), order_(std::move(order)), call_(parse_runtime_call(order_.words)),
      made_by_hook_(made_by_hook) {
    if (!is_plain_name(call_.id))
        throw Error(Fault::usage, fmt::format("{} is no id of a container", printable(call_.id)));
    const std::vector<std::string> missing = missing_in(read_file(fs::path(call_.bundle) / "config.json"), had);
    if (!missing.empty())
        throw Error(Fault::restore_failed, fmt::format("the container lacks what that of the checkpoint had: {}",
                                                       printable(fmt::format("{}", fmt::join(missing, ", ")))))
            .hint("start it with the same mounts and volumes, and with a terminal if that had one");
}

EngineCommand CreatedRestore::prepare(const SmallFiles& /*description*/, const std::string& external_descriptors,
                                      const fs::path& work) {
    const fs::path images = make_runtime_images(work, external_descriptors);
    return {.program = runtime_.program,
            .words = restore_words(call_, {.images = images.string(),
                                           .work = (work / "runtime").string(),
                                           .empty_network = made_by_hook_ == MadeByHook::network}),
            .output = EngineOutput::the_containers};
}

std::string CreatedRestore::commit() {
    mark_restored(call_.id);
    return call_.id;
}

} // namespace cedana::containers
