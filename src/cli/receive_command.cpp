// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/receive.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/cli/commands.hpp"
#include "cedana/cli/output.hpp"
#include "cedana/cli/passphrase.hpp"

#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <unistd.h>

namespace cedana {

namespace {

using Json = nlohmann::ordered_json;

struct ReceiveArguments {
    std::optional<std::string> status;
};

UniqueFd own_copy_of(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!copy)
        throw OsFailure().error("cannot use descriptor {}", fd);
    return copy;
}

void print_status(const migration::Status& status, Format format) {
    if (format == Format::json)
        return print_json(Json::parse(migration::write_status(status)));
    std::string line(migration::name_of(status.outcome));
    if (status.pid)
        line += fmt::format(" {}", *status.pid);
    if (!status.why.empty())
        line += fmt::format(": {}", printable(status.why));
    print_line(line);
}

void run(const ReceiveArguments& arguments, const CommonArguments& common, const Interrupt& interrupt) {
    if (arguments.status)
        return print_status(state_of_received(*arguments.status), common.format);
    if (::isatty(STDIN_FILENO) != 0 || ::isatty(STDOUT_FILENO) != 0)
        throw Error(Fault::usage, "receive speaks with a cedana on another host, which starts it")
            .hint("there: cedana client migrate PID HOST");
    const LoadedConfig config = load_config_for(common);
    if (const std::string& store = config.values.shared_storage_dump_storage_dir; !store.empty())
        require_place_of_caller(config, store, "the folder for checkpoints");
    const ReceiveRequest request{.config = config.values,
                                 .keyring = keyring_of(config.values, PassphraseArguments(), interrupt),
                                 .caller = config.caller};
    migration::Connection source(migration::Side::target, own_copy_of(STDIN_FILENO), own_copy_of(STDOUT_FILENO),
                                 "the source");
    receive(request, source, interrupt);
}

} // namespace

Command receive_command() {
    const auto arguments = std::make_shared<ReceiveArguments>();
    return {.name = "receive",
            .summary = "the other end of migrate, which starts it",
            .options = {{.names = {"--status"},
                         .value = "ID",
                         .meaning = "say what became of a migration here: runs, ended, busy or unknown",
                         .target = &arguments->status}},
            .examples = {"sudo cedana client receive --status 5d41402abc4b2a76b9719d911017c592"},
            .run = [arguments](const CommonArguments& common,
                               const Interrupt& interrupt) { run(*arguments, common, interrupt); },
            .hidden = true};
}

} // namespace cedana
