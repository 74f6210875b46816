// SPDX-License-Identifier: Apache-2.0
// How long a name takes to resolve among 10,000 processes: a fake /proc in memory, 21 runs, the median.
#include "cedana/base/error.hpp"
#include "cedana/process/find.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include "unit/process/fake_proc.hpp"

namespace {

using cedana::testing::FakeProc;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr pid_t k_processes = 10'000;
constexpr pid_t k_notebook = 4'242;

// Every tenth runs a script, as on a busy host; twenty children to a parent.
void fill(FakeProc& proc) {
    for (pid_t pid = 2; pid <= k_processes; ++pid) {
        const std::string name = fmt::format("service-{}", pid % 97);
        const std::string script = fmt::format("/srv/app/{}/worker-{}.py", pid % 13, pid);
        const bool scripted = pid % 10 == 0;
        proc.add({.pid = pid,
                  .parent = std::max(1, pid / 20),
                  .comm = scripted ? "python3" : name,
                  .arguments = scripted ? std::vector<std::string>{"/usr/bin/python3", "-u", script, "--shard", "7"}
                                        : std::vector<std::string>{"/usr/sbin/" + name, "--config",
                                                                   "/etc/" + name + ".conf", "--verbose"},
                  .executable = scripted ? "/usr/bin/python3.11" : "/usr/sbin/" + name});
    }
    proc.add({.pid = k_notebook,
              .comm = "jupyter-noteboo",
              .arguments = {"/usr/bin/python3", "/usr/local/bin/jupyter-notebook", "--port", "8000"},
              .executable = "/usr/bin/python3.11"});
}

Milliseconds time_of_one_search(const FakeProc& proc) {
    const auto start = std::chrono::steady_clock::now();
    const auto result = cedana::find_by_name(proc.procfs(), "jupyter notebook", k_processes + 1);
    const auto end = std::chrono::steady_clock::now();
    if (cedana::choose(result, cedana::Purpose::look).id.pid != k_notebook)
        throw cedana::Error(cedana::Fault::internal, "found another process");
    return end - start;
}

} // namespace

int main() {
    try {
        FakeProc proc("/dev/shm");
        fill(proc);
        std::array<Milliseconds, 21> times;
        std::generate(times.begin(), times.end(), [&] { return time_of_one_search(proc); });
        std::sort(times.begin(), times.end());
        fmt::print("{} processes: median {:.1f} ms, least {:.1f} ms, most {:.1f} ms over {} runs\n",
                   proc.procfs().pids().size(), times[times.size() / 2].count(), times.front().count(),
                   times.back().count(), times.size());
        return EXIT_SUCCESS;
    } catch (const std::exception& error) {
        fmt::print(stderr, "{}\n", error.what());
        return EXIT_FAILURE;
    }
}
