// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/container.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/mounts.hpp"
#include "cedana/base/text.hpp"
#include "cedana/containers/containerd.hpp"
#include "cedana/model/json_failure.hpp"
#include "cedana/process/procfs.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <system_error>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <sys/stat.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

constexpr std::size_t k_id_digits = 64;

struct Known {
    Engine engine;
    Inspection inspection;
    std::string text;
};

// A runtime by itself knows little.
std::optional<Known> known_to_runtime(const Engine& engine, const std::string& name) {
    if (!is_plain_name(name))
        return std::nullopt;
    auto text = ask_for(engine, {"state", name});
    if (!text)
        return std::nullopt;
    try {
        const Json state = Json::parse(*text);
        const std::string runtime(engine.name());
        Inspection inspection{.record = {.engine = runtime, .runtime = runtime, .id = name, .name = name},
                              .pid = state.at("pid").get<pid_t>(),
                              .status = state.at("status").get<std::string>()};
        return Known{.engine = engine, .inspection = std::move(inspection), .text = std::move(*text)};
    } catch (const Json::exception& error) {
        throw Error(Fault::environment, fmt::format("what {} says of the container cannot be read: {}", engine.name(),
                                                    what_is_wrong(error)));
    }
}

std::optional<Known> known_to_containerd(const Engine& engine, const std::string& name) {
    const auto parsed = parse_containerd_name(name);
    auto info = parsed ? ask_for(engine, in_space(*parsed, {"containers", "info", parsed->id})) : std::nullopt;
    if (!info)
        return std::nullopt;
    Inspection inspection = parse_containerd(*parsed, *info);
    if (const auto task = find_task(engine, *parsed)) {
        inspection.pid = task->pid;
        inspection.status = task->status;
    }
    return Known{.engine = engine, .inspection = std::move(inspection), .text = std::move(*info)};
}

std::optional<Known> known_to(const Engine& engine, const std::string& name) {
    if (name.empty() || name.front() == '-')
        return std::nullopt;
    if (is_runtime(engine.kind))
        return known_to_runtime(engine, name);
    if (engine.kind == EngineKind::containerd)
        return known_to_containerd(engine, name);
    auto text = ask_for(engine, {"container", "inspect", name});
    if (!text)
        return std::nullopt;
    Inspection inspection = parse_inspection(engine.kind, *text);
    return Known{.engine = engine, .inspection = std::move(inspection), .text = std::move(*text)};
}

// What a runtime knows too is the engine's.
void add(std::vector<Known>& all, std::optional<Known> more) {
    if (more && std::ranges::none_of(all, [&](const Known& one) {
            return one.inspection.pid != 0 && one.inspection.pid == more->inspection.pid;
        }))
        all.push_back(std::move(*more));
}

std::string lines_of(const std::vector<Known>& all) {
    std::vector<std::string> lines;
    for (const Known& one : all)
        lines.push_back(fmt::format("--engine {}: {} ({})", one.engine.name(), printable(one.inspection.record.name),
                                    one.inspection.status));
    return fmt::format("{}", fmt::join(lines, "; "));
}

enum class EngineCommandFor { list, resume, start };

// For a hint.
std::string_view command_for(EngineKind kind, EngineCommandFor what) {
    switch (what) {
    case EngineCommandFor::list:
        return is_runtime(kind) ? "list" : kind == EngineKind::containerd ? "containers list" : "ps";
    case EngineCommandFor::resume:
        return is_runtime(kind) ? "resume" : kind == EngineKind::containerd ? "tasks resume" : "unpause";
    case EngineCommandFor::start:
        break;
    }
    return kind == EngineKind::containerd ? "tasks start" : "start";
}

using SilentEngines = std::vector<std::pair<std::string_view, Error>>;

Error unknown_to(const std::vector<Engine>& engines, const SilentEngines& silent, const std::string& name) {
    std::vector<std::string_view> asked;
    for (const Engine& one : engines)
        if (std::ranges::none_of(silent, [&](const auto& other) { return other.first == one.name(); }))
            asked.push_back(one.name());
    Error error(Fault::no_process,
                fmt::format("there is no container {} (asked: {})", printable(name), fmt::join(asked, ", ")));
    if (silent.empty())
        return error.hint(engines.front().command(command_for(engines.front().kind, EngineCommandFor::list)) +
                          " lists them");
    std::vector<std::string> causes;
    for (const auto& [engine, why] : silent)
        causes.push_back(
            fmt::format("{} does not answer: {}", engine, why.cause().empty() ? why.message() : why.cause()));
    return error.cause(fmt::format("{}", fmt::join(causes, "; "))).hint(silent.front().second.hint());
}

Known find_known(const std::string& name, std::optional<EngineKind> engine, const Config& config) {
    const std::vector<Engine> engines =
        engine ? std::vector<Engine>{require_engine(*engine, config)} : installed_engines(config);
    if (engines.empty())
        throw Error(Fault::environment, "no container engine is installed (podman, docker, containerd, runc, crun)");
    std::vector<Known> all;
    SilentEngines silent;
    for (const Engine& one : engines) {
        try {
            add(all, known_to(one, name));
        } catch (const Error& error) {
            // One that is installed and does not run is in nobody's way.
            if (engine)
                throw;
            silent.emplace_back(one.name(), error);
        }
    }
    if (all.size() > 1)
        throw Error(Fault::no_process, fmt::format("more than one container is called {}", printable(name)))
            .hint("say which: " + lines_of(all));
    if (all.empty())
        throw unknown_to(engines, silent, name);
    return std::move(all.front());
}

void require_running(const Known& known) {
    const Inspection& inspection = known.inspection;
    const std::string name = printable(inspection.record.name);
    if (inspection.status == "paused")
        throw Error(Fault::no_process, fmt::format("container {} is paused", name))
            .hint(fmt::format("{} {}", known.engine.command(command_for(known.engine.kind, EngineCommandFor::resume)),
                              name));
    if (inspection.status != "running" || inspection.pid <= 0)
        throw Error(Fault::no_process,
                    fmt::format("container {} does not run: it is {}", name, printable(inspection.status)))
            .hint(fmt::format("{} {}", known.engine.command(command_for(known.engine.kind, EngineCommandFor::start)),
                              name));
}

void refuse_unable(const Known& known) {
    const ContainerRecord& record = known.inspection.record;
    if (record.has_terminal && known.engine.kind != EngineKind::podman)
        throw Error(Fault::dump_failed, fmt::format("container {} has a terminal, which cedana cannot give back yet",
                                                    printable(record.name)))
            .hint("start it without -t");
    if (!known.inspection.shared_network.empty())
        throw Error(Fault::dump_failed,
                    fmt::format("container {} has its network in common with another ({}), which must be dumped with "
                                "it, and cedana cannot do that yet",
                                printable(record.name), printable(known.inspection.shared_network)))
            .hint("start it with a network of its own");
    if (!known.inspection.pod.empty())
        throw Error(Fault::dump_failed,
                    fmt::format("container {} belongs to a pod, whose other containers must be dumped with it, and "
                                "cedana cannot do that yet",
                                printable(record.name)))
            .hint("start it outside of a pod");
    constexpr std::array k_known_runtimes = {"", "runc", "crun", "cedana", "cedana-runtime"};
    if (std::ranges::count(k_known_runtimes, record.runtime) == 0)
        throw Error(Fault::dump_failed,
                    fmt::format("the runtime of container {} is {}; cedana knows those of runc alone",
                                printable(record.name), printable(record.runtime)))
            .hint("start it with --runtime runc");
}

RuntimeState read_kept_state(const ContainerRecord& record, pid_t pid) {
    std::optional<RuntimeState> of_another;
    for (const fs::path& path : find_runtime_states(record.id)) {
        RuntimeState state = parse_runtime_state(read_file(path));
        if (state.pid == pid)
            return state;
        of_another = std::move(state);
    }
    if (of_another)
        return std::move(*of_another);
    if (const auto folder = find_crun_folder(record.id))
        return parse_crun_state(record.id, read_file(*folder / "status"), read_file(*folder / "config.json"));
    throw Error(
        Fault::dump_failed,
        fmt::format("what its runtime keeps of container {} is not where it is looked for (/run/runc, /run/crun, "
                    "/run/docker/runtime-runc, /run/containerd/runc)",
                    printable(record.name)));
}

RuntimeState read_state(const Known& known) {
    RuntimeState state = read_kept_state(known.inspection.record, known.inspection.pid);
    if (state.pid != known.inspection.pid)
        throw Error(Fault::no_process,
                    fmt::format("container {} was started anew just now", printable(known.inspection.record.name)))
            .hint("try it again");
    return state;
}

// Of the engine's own what the inspection does not list.
void add_engine_mounts(ContainerRecord& record, const RuntimeState& state) {
    for (const std::string& destination : state.bind_mounts)
        if (std::ranges::count(record.mounts, destination, &ContainerMount::destination) == 0)
            record.mounts.push_back({.destination = destination, .kind = MountSource::engine});
    std::error_code ignored;
    for (ContainerMount& mount : record.mounts)
        mount.is_folder = fs::is_directory(fmt::format("/proc/{}/root{}", state.pid, mount.destination), ignored);
}

std::string read_specification(const RuntimeState& state) {
    std::error_code ignored;
    const fs::path path = fs::path(state.bundle) / "config.json";
    return !state.bundle.empty() && fs::is_regular_file(path, ignored) ? read_file(path) : std::string();
}

} // namespace

std::string Container::text() const { return fmt::format("{} container {}", engine.name(), printable(record.name)); }

Container find_container(const std::string& name, std::optional<EngineKind> engine, const Config& config) {
    Known known = find_known(name, engine, config);
    require_running(known);
    refuse_unable(known);
    RuntimeState state = read_state(known);
    add_engine_mounts(known.inspection.record, state);
    std::string specification = read_specification(state);
    return {.engine = std::move(known.engine),
            .record = std::move(known.inspection.record),
            .state = std::move(state),
            .inspection = std::move(known.text),
            .specification = std::move(specification)};
}

std::vector<std::string> ending_words(const Container& container) {
    if (container.engine.kind == EngineKind::containerd)
        if (const auto name = parse_containerd_name(container.record.name))
            return in_space(*name, {"tasks", "kill", "--signal", "SIGKILL", name->id});
    return {"kill", container.record.id};
}

std::string container_id_in(std::string_view cgroups) {
    std::string digits;
    for (const char c : cgroups) {
        if (std::isdigit(static_cast<unsigned char>(c)) != 0 || (c >= 'a' && c <= 'f'))
            digits += c;
        else if (digits.size() == k_id_digits)
            return digits;
        else
            digits.clear();
    }
    return digits.size() == k_id_digits ? digits : std::string();
}

std::optional<NamedContainer> find_container_of(pid_t pid, const Config& config) {
    const std::string id = container_id_in(Procfs().read(pid, "cgroup").value_or(""));
    if (id.empty())
        return std::nullopt;
    // It is no more than a hint.
    try {
        for (const Engine& engine : installed_engines(config)) {
            const auto known = known_to(engine, id);
            if (known && known->inspection.pid == pid)
                return NamedContainer{
                    .name = known->inspection.record.name,
                    .text = fmt::format("{} container {}", engine.name(), printable(known->inspection.record.name))};
        }
    } catch (const Error& error) {
        spdlog::debug("whose container process {} is cannot be asked: {}", pid, error.message());
    }
    return std::nullopt;
}

} // namespace cedana::containers
