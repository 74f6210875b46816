// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/text.hpp"
#include "cedana/base/users.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/containers/runtime_setup.hpp"

#include <filesystem>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

struct SetUpArguments {
    std::string engine;
    std::filesystem::path file;
    bool dry_run = false;
};

void set_up_engine(const SetUpArguments& arguments, const CommonArguments& common) {
    const auto engine = containers::parse_set_up_engine(arguments.engine);
    if (!arguments.dry_run)
        require_root("change an engine's settings");
    const containers::RuntimeSetUp plan = containers::plan_set_up(engine, arguments.file);
    if (!arguments.dry_run)
        containers::carry_out(plan);
    if (common.format == Format::json)
        return print_json_result({{"engine", arguments.engine},
                                  {"settings_file", plan.file.string()},
                                  {"changed", !plan.is_done()},
                                  {"reload", plan.reload}});
    if (arguments.dry_run)
        return print_line(std::string(trim(plan.after)));
    print_result(plan.file.string());
    common.say(plan.is_done() ? fmt::format("it was there already; if {} was not told since: {}",
                                            printable(arguments.engine), plan.reload)
                              : fmt::format("{} takes it up with: {}", printable(arguments.engine), plan.reload));
}

} // namespace

Command container_command() {
    const auto arguments = std::make_shared<SetUpArguments>();
    return {.name = "container",
            .summary = "what container engines must know",
            .commands = {{.name = "setup",
                          .summary = "let docker or containerd bring containers back",
                          .options = {{.names = {"ENGINE"},
                                       .meaning = "docker or containerd",
                                       .target = &arguments->engine,
                                       .required = true,
                                       .complete = Complete::choices,
                                       .choices = {"docker", "containerd"}},
                                      {.names = {"--file"},
                                       .value = "FILE",
                                       .meaning = "the engine's settings (default: /etc/docker/daemon.json, "
                                                  "/etc/containerd/config.toml)",
                                       .target = &arguments->file,
                                       .complete = Complete::files},
                                      {.names = {"--dry-run"},
                                       .meaning = "show the settings as they would be; change nothing",
                                       .target = &arguments->dry_run}},
                          .examples = {"sudo cedana container setup docker"},
                          .run = [arguments](const CommonArguments& common, const Interrupt&) {
                              set_up_engine(*arguments, common);
                          }}}};
}

} // namespace cedana
