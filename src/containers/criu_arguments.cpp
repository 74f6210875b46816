// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/criu_arguments.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/root_folder.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>
#include <system_error>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>

namespace cedana::containers {

namespace {

class Externals {
  public:
    Externals(const Container& container, const SeenInside& inside)
        : state_(container.state), is_docker_(container.engine.kind == EngineKind::docker),
          has_terminal_(container.record.has_terminal), inside_(inside) {
        for (const Mount& mount : inside.mounts)
            points_.insert(mount.path);
    }

    std::vector<std::string> collect() {
        arguments_ = {"--root", state_.root, "--manage-cgroups=soft"};
        for (const std::string& path : state_.bind_mounts)
            add_mount(path);
        for (const std::string& path : state_.cgroup_mounts)
            add_below(path);
        // runc calls all of them so; what hides a folder is a tmpfs, which CRIU knows.
        for (const std::string& path : state_.masked)
            add_masked(path);
        for (const std::string& path : state_.devices)
            add_mount(path);
        add_namespaces();
        if (has_terminal_) {
            add("/dev/console", "/dev/console");
            arguments_.emplace_back("--shell-job");
        }
        return std::move(arguments_);
    }

  private:
    void add(const std::string& path, const std::string& name) {
        if (points_.contains(path) && named_.insert(path).second)
            arguments_.insert(arguments_.end(), {"--external", fmt::format("mnt[{}]:{}", path, name)});
    }

    // CRIU has the mount by where it really lies.
    void add_mount(const std::string& path) {
        if (points_.contains(path))
            add(path, path);
        else if (const auto real = inside_.resolve(path))
            add(*real, *real);
    }

    void add_below(const std::string& folder) {
        for (const std::string& point : points_)
            if (point.starts_with(folder + "/"))
                add(point, point);
    }

    void add_masked(const std::string& path) {
        const auto mount = std::ranges::find(inside_.mounts, path, &Mount::path);
        if (mount != inside_.mounts.end() && mount->root != "/")
            add(path, "/dev/null");
    }

    void add_external(const char* kind, const char* name) {
        arguments_.insert(arguments_.end(),
                          {"--external", fmt::format("{}[{}]:{}", kind, inside_.inode_of_namespace(kind), name)});
    }

    void add_namespaces() {
        const auto network = state_.namespaces.find("NEWNET");
        if (network != state_.namespaces.end() && !network->second.empty())
            add_external("net", "extRootNetNS");
        // docker's hook makes what is in it, at a restore as at a start.
        else if (network != state_.namespaces.end() && is_docker_)
            arguments_.insert(arguments_.end(), {"--empty-ns", "net"});
        if (const auto pids = state_.namespaces.find("NEWPID");
            pids != state_.namespaces.end() && !pids->second.empty())
            add_external("pid", "extRootPidNS");
    }

    const RuntimeState& state_;
    bool is_docker_;
    bool has_terminal_;
    const SeenInside& inside_;
    std::set<std::string> points_;
    std::set<std::string> named_;
    std::vector<std::string> arguments_;
};

} // namespace

std::vector<std::string> criu_arguments(const Container& container, const SeenInside& inside) {
    return Externals(container, inside).collect();
}

SeenInside look_inside(pid_t pid) {
    const auto root = std::make_shared<RootFolder>(fmt::format("/proc/{}/root", pid));
    const auto resolve = [root](const std::string& path) -> std::optional<std::string> {
        const UniqueFd file = root->open_across(path, O_PATH);
        std::error_code error;
        const auto real = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error);
        return file && !error ? std::optional(real.string()) : std::nullopt;
    };
    const auto inode = [pid](const std::string& kind) -> std::uint64_t {
        struct ::stat info {};
        if (::stat(fmt::format("/proc/{}/ns/{}", pid, kind).c_str(), &info) != 0)
            throw OsFailure(Fault::no_process).error("cannot look at the namespaces of process {}", pid);
        return info.st_ino;
    };
    return {.mounts = parse_mounts(read_file(fmt::format("/proc/{}/mountinfo", pid))),
            .resolve = resolve,
            .inode_of_namespace = inode};
}

} // namespace cedana::containers
