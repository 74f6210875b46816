// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/bare_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/trusted_path.hpp"
#include "cedana/containers/runtime_state.hpp"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

// "running", "stopped"; absent: it does not know the container.
std::optional<std::string> status_in(const Engine& engine, const std::string& name) {
    const auto state = ask_for(engine, {"state", name});
    if (!state)
        return std::nullopt;
    const Json json = Json::parse(*state, nullptr, false);
    return json.is_object() ? std::optional(json.value("status", "")) : std::nullopt;
}

// Throws Error for one that has not.
bool has_ended(const Engine& engine, const std::string& name) {
    const auto status = status_in(engine, name);
    if (status && *status != "stopped")
        throw Error(Fault::restore_failed, fmt::format("container {} is there: it is {}", name, printable(*status)))
            .hint(
                fmt::format("pass --as with another name, or remove it: {}", engine.command("delete --force " + name)));
    return status.has_value();
}

// What root's runtime does with a bundle is whatever its config.json says.
void require_bundle(const fs::path& bundle, const std::string& specification, const Config& config) {
    const fs::path path = bundle / "config.json";
    std::error_code ignored;
    if (bundle.empty() || !fs::is_regular_file(path, ignored))
        throw Error(Fault::restore_failed,
                    fmt::format("the bundle of the container, {}, is not here", printable(bundle.string())))
            .hint("bring its config.json and its root folder back to that place");
    if (config.security_strict_permissions)
        require_trusted(path, "the bundle's config.json");
    const Json now = Json::parse(read_file(path), nullptr, false);
    if (!specification.empty() && now != Json::parse(specification, nullptr, false))
        throw Error(Fault::restore_failed,
                    fmt::format("{} is not what it was when the checkpoint was made", printable(path.string())))
            .hint("make it as it was: client inspect shows that of the checkpoint");
}

} // namespace

std::string bundle_in_state(std::string_view state) {
    const Json json = Json::parse(state, nullptr, false);
    if (!json.is_object())
        throw Error(Fault::checkpoint, "what the runtime has said of the container cannot be read");
    return json.value("bundle", "");
}

bool had_pipes(std::string_view external_descriptors) {
    const Json json = Json::parse(external_descriptors, nullptr, false);
    return json.is_array() && std::ranges::any_of(json, [](const Json& one) {
               return one.is_string() && one.get<std::string>().find("pipe:") != std::string::npos;
           });
}

BareRestore::BareRestore(Engine engine, const ContainerRecord& record, const std::string& as, const BareTexts& texts,
                         const Config& config)
    : engine_(std::move(engine)), name_(as.empty() ? record.name : as), bundle_(bundle_in_state(texts.state)) {
    if (!is_plain_name(name_))
        throw Error(Fault::usage, fmt::format("{} is no name of a container", printable(name_)));
    require_bundle(bundle_, texts.specification, config);
    has_ended_one_ = has_ended(engine_, name_);
    if (record.engine == engine_.name())
        return;
    const EngineKind former = parse_engine(record.engine);
    for (const Engine& other : installed_engines(config))
        if (other.kind == former && has_ended(other, name_))
            former_ = other;
}

EngineCommand BareRestore::prepare(const SmallFiles& /*description*/, const std::string& external_descriptors,
                                   const fs::path& work) {
    const fs::path images = make_runtime_images(work, external_descriptors);
    if (has_ended_one_)
        static_cast<void>(ask(engine_, {"delete", name_}));
    if (former_)
        static_cast<void>(ask(*former_, {"delete", name_}));
    prepared_ = true;
    return {.program = engine_.program,
            .words = {"--log", (work / k_engine_output).string(), "restore", "--detach", "--bundle", bundle_.string(),
                      "--image-path", images.string(), "--work-path", (work / "runtime").string(), name_},
            .output = EngineOutput::the_containers};
}

std::string BareRestore::commit() {
    prepared_ = false;
    if (status_in(engine_, name_) != "running")
        throw Error(Fault::restore_failed, fmt::format("{} does not know container {}", engine_.name(), name_));
    return name_;
}

BareRestore::~BareRestore() {
    if (!prepared_)
        return;
    try {
        if (status_in(engine_, name_))
            static_cast<void>(ask(engine_, {"delete", "--force", name_}));
    } catch (const std::exception& error) {
        spdlog::warn("what {} has begun of container {} could not be removed: {}", engine_.name(), name_, error.what());
    }
}

} // namespace cedana::containers
