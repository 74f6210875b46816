// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/engine.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/name_table.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/trusted_path.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <unistd.h>

namespace cedana::containers {

namespace {

constexpr auto k_engine_names = name_table<EngineKind>({{EngineKind::podman, "podman"},
                                                        {EngineKind::docker, "docker"},
                                                        {EngineKind::containerd, "containerd"},
                                                        {EngineKind::runc, "runc"},
                                                        {EngineKind::crun, "crun"}});

constexpr std::array k_engine_kinds = {EngineKind::podman, EngineKind::docker, EngineKind::containerd, EngineKind::runc,
                                       EngineKind::crun};

// containerd's own client.
constexpr const char* k_ctr = "ctr";

std::string configured(EngineKind kind, const Config& config) {
    switch (kind) {
    case EngineKind::docker:
        return config.containers_docker;
    case EngineKind::runc:
        return config.containers_runc;
    case EngineKind::containerd:
        return k_ctr;
    case EngineKind::crun:
        return "crun";
    case EngineKind::podman:
        break;
    }
    return config.containers_podman;
}

// Docker brings ctr along, and has a containerd of its own; one that does not answer is waited for.
bool is_served(EngineKind kind) {
    if (kind != EngineKind::containerd)
        return true;
    const char* const address = std::getenv("CONTAINERD_ADDRESS");
    std::error_code ignored;
    return std::filesystem::is_socket(address == nullptr ? "/run/containerd/containerd.sock" : address, ignored);
}

// What it is told is believed, and it runs as root.
Engine trusted(EngineKind kind, std::string program, const Config& config) {
    if (config.security_strict_permissions)
        require_trusted(program, name_of(kind));
    return {.kind = kind, .program = std::move(program)};
}

Captured run(const Engine& engine, std::vector<std::string> words, std::chrono::milliseconds limit) {
    constexpr std::size_t k_most_output = 16UL * 1024 * 1024;
    words.insert(words.begin(), engine.program);
    return run_captured({.argv = std::move(words), .descriptor_limit = DescriptorLimit::as_started}, limit,
                        k_most_output);
}

// "no such container", "image not known", "network web not found"; of a socket that is missing, too.
bool says_no(const std::string& said) {
    std::string text = said;
    std::ranges::transform(text, text.begin(), [](unsigned char letter) { return std::tolower(letter); });
    const auto has = [&](const char* words) { return text.find(words) != std::string::npos; };
    return (has("no such") || has("not known") || has("not found")) && !has("dial ") && !has("no such file");
}

} // namespace

std::string_view name_of(EngineKind kind) { return k_engine_names.name_of(kind); }

EngineKind parse_engine(std::string_view name) {
    if (const auto kind = k_engine_names.find(name))
        return *kind;
    throw Error(Fault::usage, fmt::format("'{}' is no container engine that is known here", printable(name)))
        .hint("one of podman, docker, containerd, runc, crun");
}

bool is_runtime(EngineKind kind) { return kind == EngineKind::runc || kind == EngineKind::crun; }

bool has_daemon(EngineKind kind) { return kind == EngineKind::docker || kind == EngineKind::containerd; }

std::string Engine::command(std::string_view words) const {
    return fmt::format("{} {}", kind == EngineKind::containerd ? k_ctr : name(), words);
}

std::vector<Engine> installed_engines(const Config& config) {
    std::vector<Engine> engines;
    for (const EngineKind kind : k_engine_kinds)
        if (auto program = is_served(kind) ? find_in_system_path(configured(kind, config)) : std::nullopt)
            engines.push_back(trusted(kind, std::move(*program), config));
    return engines;
}

Engine require_engine(EngineKind kind, const Config& config) {
    if (auto program = find_in_system_path(configured(kind, config)))
        return trusted(kind, std::move(*program), config);
    throw Error(Fault::environment, fmt::format("{} is not installed", configured(kind, config)))
        .hint(fmt::format("install it, or set containers.{} to its path", name_of(kind)));
}

std::string ask(const Engine& engine, std::vector<std::string> words, std::chrono::milliseconds limit) {
    const std::string command = fmt::format("{} {}", engine.name(), fmt::join(words, " "));
    const Captured answer = run(engine, std::move(words), limit);
    if (answer.status.success())
        return answer.out;
    throw Error(Fault::environment, fmt::format("`{}` {}", printable(command), answer.status.text()))
        .cause(printable(trim(answer.err)));
}

std::optional<std::string> try_to_ask(const Engine& engine, std::vector<std::string> words) {
    const std::string command = fmt::format("{} {}", engine.name(), fmt::join(words, " "));
    Captured answer = run(engine, std::move(words), k_engine_limit);
    // That is no "no".
    if (answer.status.signal())
        throw Error(Fault::environment, fmt::format("`{}` {}", printable(command), answer.status.text()));
    return answer.status.success() ? std::optional(std::move(answer.out)) : std::nullopt;
}

std::optional<std::string> ask_for(const Engine& engine, std::vector<std::string> words) {
    const std::string name = words.back();
    Captured answer = run(engine, std::move(words), k_engine_limit);
    if (answer.status.success())
        return std::move(answer.out);
    if (!answer.status.signal() && (is_runtime(engine.kind) || says_no(answer.err)))
        return std::nullopt;
    throw Error(Fault::environment, fmt::format("{} does not say whether it has {}: it {}", engine.name(),
                                                printable(name), answer.status.text()))
        .cause(printable(trim(answer.err)))
        .hint(has_daemon(engine.kind) ? fmt::format("look whether it runs: systemctl status {}", engine.name())
                                      : std::string());
}

ChildProcess start(const Engine& engine, std::vector<std::string> words) {
    words.insert(words.begin(), engine.program);
    return ChildProcess::spawn(
        {.argv = std::move(words), .session = Session::own, .descriptor_limit = DescriptorLimit::as_started});
}

std::vector<std::string> environment_with_path(const std::string& first) {
    constexpr std::string_view k_path_variable = "PATH=";
    std::vector<std::string> environment;
    std::string path = k_system_path;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        if (text.starts_with(k_path_variable))
            path = text.substr(k_path_variable.size());
        else
            environment.emplace_back(text);
    }
    environment.push_back(fmt::format("{}{}:{}", k_path_variable, first, path));
    return environment;
}

} // namespace cedana::containers
