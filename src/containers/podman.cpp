// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/podman.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/system_path.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/containers/lacking_runtime.hpp"
#include "cedana/containers/stand_in.hpp"

#include <chrono>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

// It answers nothing while another podman has the container's lock.
constexpr auto k_podman_limit = std::chrono::seconds(60);
constexpr std::size_t k_most_of_podman = 64UL * 1024;

// `mounts`: the namespace that it is to have; none: that of this process.
ChildProcess start_podman(const Engine& engine, std::vector<std::string> words, const std::string& path,
                          const UniqueFd& output, const UniqueFd& mounts) {
    constexpr int k_mounts = 3;
    words.insert(words.begin(), engine.program);
    SpawnRequest request{.argv = std::move(words),
                         .fds = {{output.get(), 1}, {output.get(), 2}},
                         .env = environment_with_path(path),
                         .descriptor_limit = DescriptorLimit::as_started};
    if (mounts) {
        request.fds.emplace_back(mounts.get(), k_mounts);
        request.enter = {k_mounts};
    }
    return ChildProcess::spawn(std::move(request));
}

// "dumped", without a dump: the container is not touched.
StandInAnswer say_dumped(const StandInCall& call) {
    if (call.call.work != criu::RpcWork::dump)
        throw Error(Fault::dump_failed, "podman has asked criu for a restore in place of a dump");
    static_cast<void>(send_with_fd(call.runtime.get(), criu::dumped_message(), -1));
    return {.kind = StandInAnswer::Kind::done};
}

// None where its own runtime will do.
UniqueFd mounts_for(const std::string& runtime, const fs::path& work) {
    const auto program = find_in_system_path(runtime.empty() ? "crun" : runtime);
    return !program || knows_checkpoints(*program) ? UniqueFd() : replace_runtime(*program, work);
}

void run_until_end(EventLoop& loop, const ChildProcess& process, const Interrupt& interrupt) {
    bool ended = false;
    loop.watch(process.pidfd().get(), POLLIN, [&](short) { ended = true; });
    if (interrupt.fd() >= 0)
        loop.watch(interrupt.fd(), POLLIN, [&](short) { interrupt.throw_if_pending(); });
    const auto until = std::chrono::steady_clock::now() + k_podman_limit;
    while (!ended) {
        loop.run_once(std::chrono::seconds(1));
        if (std::chrono::steady_clock::now() > until)
            throw Error(Fault::dump_failed,
                        fmt::format("podman has not described the container within {} s", k_podman_limit.count()))
                .hint("look whether another podman is at work on the container");
    }
    loop.unwatch(process.pidfd().get());
}

} // namespace

const std::vector<std::string>& podman_files() {
    static const std::vector<std::string> k_files = {"config.dump", "spec.dump", "network.status"};
    return k_files;
}

SmallFiles describe_by_podman(const Engine& engine, const std::string& id, const std::string& runtime,
                              const fs::path& work, const std::string& criu, const Interrupt& interrupt) {
    const fs::path archive = work / "podman.tar";
    const fs::path said = work / "podman.out";
    EventLoop loop;
    const StandIn stand_in(loop, work, criu, say_dumped);
    const UniqueFd output = open_file(said, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    ChildProcess podman =
        start_podman(engine,
                     {"container", "checkpoint", "--leave-running", "--ignore-rootfs", "--ignore-volumes",
                      "--tcp-established", "-c", "none", "--export", archive.string(), id},
                     stand_in.folder(), output, mounts_for(runtime, work));
    run_until_end(loop, podman, interrupt);
    const ExitStatus status = podman.wait();
    const RemoveOnFailure remove(archive);
    if (!status.success())
        throw Error(Fault::dump_failed, fmt::format("podman does not describe the container: it {}", status.text()))
            .cause(printable(trim(read_file(said, k_most_of_podman))));
    SmallFiles description = read_small_tar(archive, podman_files());
    if (!description.contains("config.dump") || !description.contains("spec.dump"))
        throw Error(Fault::dump_failed, "podman's description of the container is not complete");
    return description;
}

void write_podman_archive(const fs::path& path, SmallFiles description, const std::string& external_descriptors) {
    description["checkpoint/descriptors.json"] = external_descriptors;
    // podman looks whether it is there (container_internal_linux.go, restore).
    description["checkpoint/inventory.img"] = "";
    write_small_tar(path, description);
}

} // namespace cedana::containers
