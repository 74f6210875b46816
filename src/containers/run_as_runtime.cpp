// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/run_as_runtime.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/trusted_path.hpp"
#include "cedana/containers/created_restore.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/one_shot.hpp"
#include "cedana/containers/runtime_call.hpp"
#include "cedana/criu/environment.hpp"
#include "cedana/model/loaded_config.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

std::vector<char*> as_arguments(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    std::ranges::transform(words, std::back_inserter(pointers), [](std::string& word) { return word.data(); });
    pointers.push_back(nullptr);
    return pointers;
}

[[noreturn]] void become(const std::string& program, std::vector<std::string> words,
                         std::vector<std::string> environment) {
    words.insert(words.begin(), program);
    ::execve(program.c_str(), as_arguments(words).data(), as_arguments(environment).data());
    throw OsFailure(Fault::environment).error("cannot execute {}", program);
}

std::vector<std::string> own_environment() {
    std::vector<std::string> environment;
    for (char** variable = environ; *variable != nullptr; ++variable)
        environment.emplace_back(*variable);
    return environment;
}

// Root's own word alone counts, which is in files: whoever starts a container may have a say in the environment.
Config config_of_root() {
    const auto nothing = [](const std::string&) { return std::optional<std::string>(); };
    try {
        return load_config({.caller = {.uid = 0, .gid = 0, .name = "root", .home = "/root"},
                            .explicit_file = std::nullopt,
                            .environment = nothing})
            .values;
    } catch (const Error&) {
        // No container is refused for a slip in a file of cedana's.
        return {};
    }
}

// Its network namespace is made by the runtime, and what is in it by a hook.
bool makes_network(const RuntimeCall& call) {
    const auto specification = nlohmann::json::parse(read_file(fs::path(call.bundle) / "config.json"));
    for (const auto& one : specification.at("linux").at("namespaces"))
        if (one.at("type") == "network")
            return one.value("path", "").empty();
    return false;
}

[[noreturn]] void restore_in_place(const Engine& runtime, const RuntimeCall& call, const OneShot& shot) {
    std::error_code ignored;
    if (!fs::exists(shot.work / "swrk.sock", ignored))
        throw Error(Fault::restore_failed,
                    fmt::format("the restore that container {} was to come back by has ended", printable(call.id)));
    mark_restored(call.id);
    become(runtime.program,
           restore_words(call, {.images = (shot.work / "images").string(),
                                .work = (shot.work / "runtime").string(),
                                .empty_network = shot.made_by_hook == MadeByHook::network && makes_network(call)}),
           environment_with_path((shot.work / "bin").string()));
}

bool runs_already(const Engine& runtime, const RuntimeCall& call) {
    std::vector<std::string> words = {runtime.program};
    words.insert(words.end(), call.global.begin(), call.global.end());
    words.insert(words.end(), {"state", call.id});
    const Captured answer = run_captured({.argv = std::move(words)}, k_engine_limit);
    const auto state = nlohmann::json::parse(answer.out, nullptr, false);
    return answer.status.success() && state.is_object() && state.value("status", "") == "running";
}

// Absent: none. Annotations are whoever's who may start containers.
std::string annotated_checkpoint(const RuntimeCall& call) {
    const auto specification = nlohmann::json::parse(read_file(fs::path(call.bundle) / "config.json"));
    const auto annotations = specification.find("annotations");
    return annotations != specification.end() && annotations->is_object()
               ? annotations->value(k_checkpoint_annotation, "")
               : std::string();
}

// In a folder that root's settings name, links followed; and nobody else can change it.
fs::path require_offered(const std::string& annotation, const Config& config) {
    if (config.shared_storage_dump_storage_dir.empty())
        throw Error(Fault::permission,
                    "shared_storage.dump_storage_dir of root names no folder, so no annotation can name "
                    "a checkpoint");
    const fs::path folder = fs::weakly_canonical(config.shared_storage_dump_storage_dir);
    fs::path path = fs::weakly_canonical(annotation);
    if (path.parent_path() != folder || !fs::path(annotation).is_absolute())
        throw Error(Fault::permission, fmt::format("{} is not in {}, which shared_storage.dump_storage_dir names",
                                                   printable(annotation), folder.string()));
    require_trusted(path, "the checkpoint");
    return path;
}

// By a cedana that does what `client restore` does. The standard descriptors are the container's, and not for messages.
int create_from(const fs::path& checkpoint, const std::vector<std::string>& words) {
    constexpr int k_first = 10;
    constexpr auto k_limit = std::chrono::minutes(30);
    const CreateOrder order{.words = words, .stdio = k_first};
    const Captured answer = run_captured({.argv = {"/proc/self/exe", "--quiet", "client", "restore",
                                                   checkpoint.string(), "--create", write_create_order(order)},
                                          .fds = {{0, k_first}, {1, k_first + 1}, {2, k_first + 2}},
                                          .env = criu::clean_environment(),
                                          .descriptor_limit = DescriptorLimit::as_started},
                                         k_limit);
    if (!answer.status.success())
        throw Error(Fault::restore_failed, std::string(trim(answer.err)));
    return 0;
}

int run_call(const RuntimeCall& call, std::vector<std::string> words) {
    const Config config = config_of_root();
    const Engine runtime = require_engine(EngineKind::runc, config);
    if (call.command == "create") {
        if (const auto shot = take_one_shot(call.id))
            restore_in_place(runtime, call, *shot);
        if (const std::string annotation = annotated_checkpoint(call); !annotation.empty())
            return create_from(require_offered(annotation, config), words);
    }
    const bool concerns_mark = call.command == "start" || call.command == "delete";
    if (concerns_mark && take_mark(call.id) && call.command == "start" && runs_already(runtime, call))
        return 0;
    become(runtime.program, std::move(words), own_environment());
}

// Engines show what a runtime has written there.
void log_failure(const RuntimeCall& call, const std::string& message) {
    std::fprintf(stderr, "%s: %s\n", k_runtime_name, message.c_str());
    const auto option = std::ranges::find(call.global, "--log");
    if (option == call.global.end() || std::next(option) == call.global.end())
        return;
    if (std::FILE* const log = std::fopen(std::next(option)->c_str(), "ae")) {
        const nlohmann::json line = {{"level", "error"}, {"msg", message}};
        std::fprintf(log, "%s\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
        static_cast<void>(std::fclose(log));
    }
}

} // namespace

std::optional<int> run_as_runtime(int argc, char** argv) {
    if (argc < 1 || fs::path(argv[0]).filename() != k_runtime_name)
        return std::nullopt;
    std::vector<std::string> words(argv + 1, argv + argc);
    const RuntimeCall call = parse_runtime_call(words);
    try {
        return run_call(call, std::move(words));
    } catch (const Error& error) {
        log_failure(call, error.message());
    } catch (const std::exception& error) {
        log_failure(call, error.what());
    }
    return 1;
}

} // namespace cedana::containers
