// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/docker_restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/containers/docker_api.hpp"
#include "cedana/containers/docker_description.hpp"
#include "cedana/containers/one_shot.hpp"
#include "cedana/containers/runtime_state.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

using Json = nlohmann::json;

// As `cedana container setup docker` names it.
constexpr const char* k_docker_runtime = "cedana";
constexpr const char* k_docker_note = "docker.note";
constexpr int k_created = 201;
constexpr int k_connected = 200;

std::string aside_of(const std::string& name) { return name + ".before-restore"; }

// Go's zero time, of one that was never started, is before all.
std::chrono::system_clock::time_point parse_docker_time(const std::string& text) {
    return parse_utc_iso(text.substr(0, text.find('.')) + "Z").value_or(std::chrono::system_clock::time_point());
}

// The id of an image by its name or id; empty: it is not here.
std::string image_in_docker(const Engine& engine, const std::string& image) {
    if (image.empty() || image.front() == '-')
        return {};
    return std::string(trim(ask_for(engine, {"image", "inspect", "--format", "{{.Id}}", image}).value_or("")));
}

// docker would make a volume that is missing.
void require_parts(const Engine& engine, const DockerRequest& request) {
    const auto require = [&](const char* kind, const std::string& name) {
        if (name.empty() || name.front() == '-' || !ask_for(engine, {kind, "inspect", name}))
            throw Error(Fault::restore_failed,
                        fmt::format("the {} {} of the container is not here", kind, printable(name)))
                .hint(fmt::format("make it, with what the container expects of it: docker {} create {}", kind,
                                  printable(name)));
    };
    for (const std::string& volume : request.volumes)
        require("volume", volume);
    for (const DockerEndpoint& endpoint : request.endpoints)
        require("network", endpoint.network);
}

DockerApi api_of(const Engine& engine) {
    constexpr std::string_view k_unix = "unix://";
    const std::string said = ask(engine, {"context", "inspect", "--format", "{{.Endpoints.docker.Host}}"});
    const std::string_view host = trim(said);
    if (!host.starts_with(k_unix))
        throw Error(Fault::environment,
                    fmt::format("docker's daemon is at {}, and not on this host", printable(std::string(host))))
            .hint("restore on that host");
    return DockerApi(std::string(host.substr(k_unix.size())));
}

[[noreturn]] void refuse_answer(const std::string& what, const HttpAnswer& answer) {
    const Json json = Json::parse(answer.body, nullptr, false);
    throw Error(Fault::restore_failed, fmt::format("docker does not {}", what))
        .cause(printable(json.is_object() ? json.value("message", answer.body) : answer.body));
}

// An address can only be asked for in a network whose subnet was (docker's own sentence says so).
void connect_to(const DockerApi& api, const DockerEndpoint& endpoint, const std::string& id) {
    const auto connect = [&](const std::string& config) {
        return api.post(fmt::format("/networks/{}/connect", endpoint.network),
                        Json({{"Container", id}, {"EndpointConfig", Json::parse(config)}}).dump());
    };
    // docker has put it into the one that its mode names, without an address, and that stays so unless it leaves it
    // first.
    static_cast<void>(api.post(fmt::format("/networks/{}/disconnect", endpoint.network),
                               Json({{"Container", id}, {"Force", true}}).dump()));
    HttpAnswer answer{.status = 0, .body = {}};
    if (!endpoint.with_address.empty())
        answer = connect(endpoint.with_address);
    if (answer.status != k_connected)
        answer = connect(endpoint.plain);
    if (answer.status != k_connected)
        refuse_answer(fmt::format("put the container into the network {}", printable(endpoint.network)), answer);
}

struct NotedDocker {
    std::string program;
    std::string name;
    // Of a container that was there before; it has stepped aside, or is in its place.
    std::string original = {};
    std::string one_shot = {};
};

void note_docker(const fs::path& work, const NotedDocker& noted) {
    replace_file(work / k_docker_note, Json({{"program", noted.program},
                                             {"name", noted.name},
                                             {"original", noted.original},
                                             {"one_shot", noted.one_shot}})
                                           .dump());
}

std::optional<NotedDocker> read_docker_note(const fs::path& work) {
    std::error_code ignored;
    if (!fs::exists(work / k_docker_note, ignored))
        return std::nullopt;
    const Json json = Json::parse(read_file(work / k_docker_note));
    return NotedDocker{.program = json.at("program").get<std::string>(),
                       .name = json.at("name").get<std::string>(),
                       .original = json.at("original").get<std::string>(),
                       .one_shot = json.at("one_shot").get<std::string>()};
}

// Whether something was taken back.
bool take_back(const Engine& engine, const std::string& name, const std::string& original) {
    bool changed = false;
    if (const auto there = find_in_docker(engine, name); there && there->id != original) {
        static_cast<void>(ask(engine, {"rm", "--force", there->id}));
        changed = true;
    }
    if (!original.empty() && !find_in_docker(engine, name) && find_in_docker(engine, original)) {
        static_cast<void>(ask(engine, {"rename", original, name}));
        changed = true;
    }
    return changed;
}

} // namespace

std::optional<DockerContainer> find_in_docker(const Engine& engine, const std::string& name) {
    constexpr std::string_view k_upper = "upper=";
    constexpr const char* k_format =
        "{{.Id}}\n{{.State.Status}}\n{{.HostConfig.Runtime}}\n{{.State.StartedAt}}\n{{.Name}}\n"
        "upper={{with .GraphDriver.Data}}{{index . \"UpperDir\"}}{{end}}";
    const auto text = ask_for(engine, {"container", "inspect", "--format", k_format, name});
    if (!text)
        return std::nullopt;
    const std::vector<std::string> lines = split(trim(*text), '\n');
    // docker takes the begin of an id for a name: "d" may be any container.
    if (lines.size() == 6 && lines[0] != name && lines[4] != "/" + name)
        return std::nullopt;
    if (lines.size() != 6 || !lines[5].starts_with(k_upper))
        throw Error(Fault::environment, "what docker says of the container cannot be read");
    return DockerContainer{.id = lines[0],
                           .status = lines[1],
                           .runtime = lines[2],
                           .upper = lines[5].substr(k_upper.size()),
                           .started = parse_docker_time(lines[3])};
}

bool has_own_runtime(const Engine& engine) {
    const Json runtimes = Json::parse(ask(engine, {"info", "--format", "{{json .Runtimes}}"}), nullptr, false);
    return runtimes.is_object() && runtimes.contains(k_docker_runtime);
}

DockerRestore::DockerRestore(Engine engine, const ContainerRecord& record, std::string as,
                             std::chrono::system_clock::time_point made, std::string inspection)
    : engine_(std::move(engine)), record_(record), as_(std::move(as)), inspection_(std::move(inspection)) {
    if (!is_plain_name(name()))
        throw Error(Fault::usage, fmt::format("{} is no name of a container", printable(name())));
    original_ = find_in_docker(engine_, name());
    if (original_)
        require_usable(engine_, {.id = original_->id, .status = original_->status, .started = original_->started},
                       record_, name(), made);
    if (image_in_docker(engine_, record_.image_id).empty())
        throw missing_image(engine_, record_);
    require_parts(engine_, read_docker_request(inspection_, k_docker_runtime, record_.image_id));
    if (!has_own_runtime(engine_))
        throw Error(Fault::environment, "docker does not know the runtime by which cedana brings containers back")
            .hint("cedana container setup docker, and then: systemctl reload docker");
}

bool DockerRestore::is_in_place() const { return original_ && original_->runtime == k_docker_runtime; }

std::string DockerRestore::make() const {
    const bool has_name = image_in_docker(engine_, record_.image) == record_.image_id;
    const DockerRequest request =
        read_docker_request(inspection_, k_docker_runtime, has_name ? record_.image : record_.image_id);
    const DockerApi api = api_of(engine_);
    const HttpAnswer answer = api.post("/containers/create?name=" + name(), request.body);
    const Json made = Json::parse(answer.body, nullptr, false);
    if (answer.status != k_created || !made.is_object())
        refuse_answer("make the container", answer);
    std::string id = made.at("Id").get<std::string>();
    for (const DockerEndpoint& endpoint : request.endpoints)
        connect_to(api, endpoint, id);
    return id;
}

EngineCommand DockerRestore::prepare(const SmallFiles& /*description*/, const std::string& external_descriptors,
                                     const fs::path& work) {
    const fs::path images = make_runtime_images(work, external_descriptors);
    NotedDocker noted{
        .program = engine_.program, .name = name(), .original = original_ ? original_->id : std::string()};
    note_docker(work, noted);
    prepared_ = true;
    if (original_ && !is_in_place())
        static_cast<void>(ask(engine_, {"rename", original_->id, aside_of(name())}));
    if (is_in_place())
        replace_files(work);
    id_ = is_in_place() ? original_->id : make();
    noted.one_shot = id_;
    note_docker(work, noted);
    write_one_shot(id_, {.work = work, .made_by_hook = MadeByHook::network});
    return {.program = engine_.program, .words = {"start", id_}, .work = EngineWork::asks_a_daemon};
}

void DockerRestore::replace_files(const fs::path& work) {
    if (original_->upper.empty())
        spdlog::warn("docker does not say where the files of the container lie: what it has made since the checkpoint "
                     "stays");
    else
        files_.emplace(work, original_->upper);
}

std::string DockerRestore::commit() {
    const auto there = find_in_docker(engine_, id_);
    if (!there || there->status != "running")
        throw Error(Fault::restore_failed, fmt::format("docker does not say that container {} runs", name()));
    prepared_ = false;
    if (files_)
        files_->commit();
    if (original_ && !is_in_place() && !try_to_ask(engine_, {"rm", original_->id}))
        spdlog::warn("the container that {} takes the place of could not be removed: it is {}", name(),
                     aside_of(name()));
    return id_;
}

DockerRestore::~DockerRestore() {
    if (!prepared_)
        return;
    const auto guarded = [&](const auto& work) {
        try {
            work();
        } catch (const std::exception& error) {
            leave(fmt::format("what docker has begun of container {}", name()), error);
        }
    };
    guarded([&] {
        if (const auto there = files_ ? find_in_docker(engine_, id_) : std::nullopt;
            there && there->status == "running")
            static_cast<void>(ask(engine_, {"kill", id_}));
    });
    files_.reset();
    guarded([&] { static_cast<void>(take_back(engine_, name(), original_ ? original_->id : std::string())); });
    guarded([&] { remove_one_shot(id_); });
}

FinishedContainer finish_killed_docker(const fs::path& work, bool tree_ran) {
    FinishedContainer finished;
    const auto noted = read_docker_note(work);
    if (!noted)
        return finished;
    const Engine engine{.kind = EngineKind::docker, .program = noted->program};
    const auto remove_order = [&] {
        if (!noted->one_shot.empty())
            remove_one_shot(noted->one_shot);
    };
    // docker answers when a start that is under way is done.
    const auto there = find_in_docker(engine, noted->name);
    if (there && there->status == "running") {
        remove_order();
        if (there->id != noted->original && !noted->original.empty() && find_in_docker(engine, noted->original))
            static_cast<void>(ask(engine, {"rm", noted->original}));
        finish_replaced(work, ContainerFate::runs, finished);
        return finished;
    }
    if (take_back(engine, noted->name, noted->original))
        finished.container = noted->name;
    remove_order();
    finish_replaced(work, tree_ran && !finished.container ? ContainerFate::has_run : ContainerFate::never_ran,
                    finished);
    return finished;
}

} // namespace cedana::containers
