// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/unit_return.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/host/unit_process.hpp"

#include <memory>
#include <system_error>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct UnitArguments {
    std::string name;
    std::string checkpoint = "latest";
    std::optional<std::filesystem::path> store;
    std::optional<std::string> user;
    bool always = false;
    bool remove = false;
    bool bring_back = false;
    bool host_clocks = false;
    bool dry_run = false;
};

// Where cedana-dump@.service puts them.
std::filesystem::path usual_store(const SystemdUnit& unit) {
    std::filesystem::path store = std::filesystem::path("/var/lib/cedana") / unit.name.substr(0, unit.name.rfind('.'));
    std::error_code ignored;
    return std::filesystem::is_directory(store, ignored) ? store : std::filesystem::path();
}

UnitRequest request_of(const UnitArguments& arguments) {
    SystemdUnit named = service_named(arguments.name);
    std::optional<Caller> owner;
    if (arguments.user) {
        owner = caller_named(*arguments.user);
        if (!owner)
            throw Error(Fault::usage, fmt::format("there is no user {}", printable(*arguments.user)));
        named.user = std::to_string(owner->uid);
    }
    UnitRequest request{.unit = arguments.bring_back || owner ? named : working_unit(named),
                        .owner = owner,
                        .checkpoint = arguments.checkpoint,
                        .comeback = arguments.always ? Comeback::at_each_start : Comeback::once,
                        .host_clocks = arguments.host_clocks};
    if (arguments.store)
        request.store = std::filesystem::absolute(*arguments.store);
    else if (request.checkpoint == "latest")
        request.store = usual_store(named);
    if (request.store.empty() && request.checkpoint == "latest")
        request.store = usual_store(request.unit);
    if (request.checkpoint.find('/') != std::string::npos)
        request.checkpoint = std::filesystem::absolute(request.checkpoint);
    return request;
}

void remove(const SystemdUnit& unit, const CommonArguments& common) {
    const bool was_there = remove_unit_drop_in(unit);
    if (common.format == Format::json)
        print_json_result({{"unit", unit.name}, {"drop_in", nullptr}});
    else
        print_result(was_there ? fmt::format("{} starts anew again", unit.name)
                               : fmt::format("{} had no drop-in of cedana", unit.name));
}

void bring_back_of_user(const UnitRequest& request, const CommonArguments& common) {
    const pid_t pid = bring_user_unit_back(request);
    if (common.format == Format::json)
        print_json_result({{"unit", request.unit.name}, {"pid", pid}});
    else
        print_result(std::to_string(pid));
}

void run(const UnitArguments& arguments, const CommonArguments& common) {
    const UnitRequest request = request_of(arguments);
    if (arguments.remove)
        return remove(request.unit, common);
    if (arguments.bring_back)
        return print_result(fmt::format("brought back from a checkpoint, as process {}", bring_unit_back(request)));
    if (arguments.dry_run)
        return print_line(unit_drop_in(request));
    if (request.owner)
        return bring_back_of_user(request, common);
    const std::filesystem::path path = write_unit_drop_in(request);
    if (common.format == Format::json)
        return print_json_result({{"unit", request.unit.name}, {"drop_in", path.string()}});
    print_result(path.string());
    const std::string name = shell_word(request.unit.name);
    common.say(arguments.always
                   ? fmt::format("systemctl start {0} brings it back from now on, until cedana unit --remove {0}", name)
                   : fmt::format("systemctl start {} brings it back; after that it starts anew again", name));
}

} // namespace

Command unit_command() {
    const auto arguments = std::make_shared<UnitArguments>();
    return {
        .name = "unit",
        .summary = "let systemd start a unit from a checkpoint",
        .options = {{.names = {"NAME"},
                     .meaning = "the unit: nginx, or nginx.service",
                     .target = &arguments->name,
                     .required = true},
                    {.names = {"--checkpoint"},
                     .value = "CHECKPOINT",
                     .meaning = "which one, as for client restore (default: latest)",
                     .target = &arguments->checkpoint,
                     .complete = Complete::checkpoints_or_latest},
                    {.names = {"-d", "--dir"},
                     .value = "STORE",
                     .meaning = "where it is looked for (default: /var/lib/cedana/NAME, where cedana-dump@NAME.service "
                                "puts its checkpoints, if that is there; else the store of client restore)",
                     .target = &arguments->store,
                     .complete = Complete::folders},
                    {.names = {"--user"},
                     .value = "USER",
                     .meaning = "a unit that the systemd of USER runs (systemctl --user): it is started and brought "
                                "back at once, since that systemd has not the rights for it",
                     .target = &arguments->user},
                    {.names = {"--always"},
                     .meaning = "bring it back at each start, and not at the next one alone",
                     .target = &arguments->always,
                     .excludes = "--user"},
                    {.names = {"--remove"},
                     .meaning = "let it start anew again",
                     .target = &arguments->remove,
                     .excludes = "--checkpoint,--dir,--user,--always"},
                    {.names = {"--dry-run"},
                     .meaning = "show the drop-in that would be made; change nothing",
                     .target = &arguments->dry_run,
                     .excludes = "--remove"},
                    {.names = {"--host-clocks"},
                     .meaning = "for systemd: it is to have the clocks of the host where they allow",
                     .target = &arguments->host_clocks,
                     .hidden = true},
                    {.names = {"--bring-back"},
                     .meaning = "for systemd: restore into the unit that is just started",
                     .target = &arguments->bring_back,
                     .hidden = true}},
        .examples = {"sudo cedana unit nginx", "sudo cedana unit --remove nginx",
                     "sudo cedana unit --user alice counter"},
        .run = [arguments](const CommonArguments& common, const Interrupt&) { run(*arguments, common); }};
}

} // namespace cedana
