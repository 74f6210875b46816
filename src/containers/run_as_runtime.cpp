// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/run_as_runtime.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/one_shot.hpp"
#include "cedana/containers/runtime_call.hpp"
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
Engine own_runtime() {
    const auto nothing = [](const std::string&) { return std::optional<std::string>(); };
    Config config;
    try {
        config = load_config({.caller = {.uid = 0, .gid = 0, .name = "root", .home = "/root"}, .environment = nothing})
                     .values;
    } catch (const Error&) {
        // No container is refused for a slip in a file of cedana's.
    }
    return require_engine(EngineKind::runc, config);
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

int run_call(const RuntimeCall& call, std::vector<std::string> words) {
    const Engine runtime = own_runtime();
    if (call.command == "create")
        if (const auto shot = take_one_shot(call.id))
            restore_in_place(runtime, call, *shot);
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
