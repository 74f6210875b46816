// SPDX-License-Identifier: Apache-2.0
// A folder that looks like /proc, as far as Procfs reads it.
#pragma once

#include "cedana/base/files.hpp"
#include "cedana/process/procfs.hpp"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

namespace cedana::testing {

struct FakeProcess {
    pid_t pid = 0;
    pid_t parent = 1;
    std::string comm = "program";
    std::vector<std::string> arguments = {};
    // Empty: no link, as for a kernel thread.
    std::string executable = "/usr/bin/program";
    char state = 'S';
    // 0: the pid, as of a leader.
    pid_t group = 0;
    pid_t session = 0;
    dev_t terminal = 0;
    pid_t foreground_group = -1;
    unsigned flags = 0;
    std::uint64_t start_time = 1000;
    std::string status = "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n";
};

class FakeProc {
  public:
    explicit FakeProc(const std::filesystem::path& parent = std::filesystem::temp_directory_path())
        : folder_(parent, "fake-proc"), procfs_(folder_.path()) {}

    // Takes the place of one with the same pid.
    void add(const FakeProcess& process) {
        remove(process.pid);
        const auto folder = folder_.path() / std::to_string(process.pid);
        std::filesystem::create_directories(folder);
        const auto own = [&](pid_t id) { return id == 0 ? process.pid : id; };
        write(folder / "stat",
              fmt::format("{} ({}) {} {} {} {} {} {} {} 0 0 0 0 0 0 0 0 20 0 1 0 {} 4096000 100 0\n", process.pid,
                          process.comm, process.state, process.parent, own(process.group), own(process.session),
                          process.terminal, process.foreground_group, process.flags, process.start_time));
        std::string arguments;
        for (const std::string& argument : process.arguments)
            arguments += argument + '\0';
        write(folder / "cmdline", arguments);
        write(folder / "status", process.status);
        if (!process.executable.empty())
            std::filesystem::create_symlink(process.executable, folder / "exe");
    }
    void remove(pid_t pid) { std::filesystem::remove_all(folder_.path() / std::to_string(pid)); }

    // A file or link of one process besides those that add() makes.
    void write(pid_t pid, const std::string& name, const std::string& content) {
        const auto path = folder_.path() / std::to_string(pid) / name;
        std::filesystem::create_directories(path.parent_path());
        write(path, content);
    }
    void link(pid_t pid, const std::string& name, const std::string& target) {
        const auto path = folder_.path() / std::to_string(pid) / name;
        std::filesystem::create_directories(path.parent_path());
        std::filesystem::create_symlink(target, path);
    }

    void unlink(pid_t pid, const std::string& name) {
        std::filesystem::remove(folder_.path() / std::to_string(pid) / name);
    }

    [[nodiscard]] const Procfs& procfs() const noexcept { return procfs_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return folder_.path(); }

  private:
    static void write(const std::filesystem::path& path, const std::string& content) {
        std::ofstream(path, std::ios::binary) << content;
    }

    TempDir folder_;
    Procfs procfs_;
};

} // namespace cedana::testing
