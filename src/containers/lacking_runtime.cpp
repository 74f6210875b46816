// SPDX-License-Identifier: Apache-2.0
#include "cedana/containers/lacking_runtime.hpp"

#include "cedana/base/child_process.hpp"
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/runtime_call.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <functional>
#include <iterator>
#include <system_error>
#include <thread>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

// The interpreter of the program in the runtime's place, by which cedana knows what it is, and whose folder says whose.
constexpr const char* k_interpreter = "cedana-lacking-runtime";
constexpr const char* k_real_runtime = "runtime";

void mount_or_throw(const fs::path& source, const fs::path& target, unsigned long flags) {
    if (::mount(source.c_str(), target.c_str(), nullptr, flags, nullptr) != 0)
        throw OsFailure(Fault::environment).error("cannot mount {} on {}", source.string(), target.string());
}

void make_file(const fs::path& path, const std::string& content) {
    const UniqueFd file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0700);
    write_all(file.get(), content, path);
}

// In a mount namespace of its own.
void put_in_place(const fs::path& runtime, const fs::path& script, const fs::path& real) {
    mount_or_throw("none", "/", MS_REC | MS_SLAVE);
    mount_or_throw(runtime, real, MS_BIND);
    mount_or_throw(script, runtime, MS_BIND);
    // /run has noexec in most systems.
    mount_or_throw("none", runtime, MS_BIND | MS_REMOUNT | MS_RDONLY);
}

// setns(2) and unshare(2) are of one thread: all others stay where they are.
UniqueFd in_new_mounts(const std::function<void()>& work) {
    UniqueFd mounts;
    std::exception_ptr failure;
    std::thread([&] {
        try {
            if (::unshare(CLONE_NEWNS) != 0)
                throw OsFailure(Fault::environment).error("cannot make a mount namespace");
            work();
            mounts = open_file("/proc/thread-self/ns/mnt", O_RDONLY);
        } catch (...) {
            failure = std::current_exception();
        }
    }).join();
    if (failure)
        std::rethrow_exception(failure);
    return mounts;
}

int answer_for(const RuntimeCall& call) {
    const auto option = std::ranges::find(call.options, "--image-path");
    std::error_code ignored;
    if (option != call.options.end() && std::next(option) != call.options.end())
        fs::create_directories(*std::next(option), ignored);
    return 0;
}

} // namespace

bool knows_checkpoints(const std::string& runtime) {
    return run_captured({.argv = {runtime, "checkpoint", "--help"}}, k_engine_limit).status.success();
}

UniqueFd replace_runtime(const std::string& runtime, const fs::path& work) {
    const fs::path interpreter = work / k_interpreter;
    const fs::path script = work / "runtime.script";
    const fs::path real = work / k_real_runtime;
    std::error_code error;
    fs::remove(interpreter, error);
    fs::create_symlink(fs::read_symlink("/proc/self/exe"), interpreter, error);
    if (error)
        throw os_error(error.value(), fmt::format("cannot make {}", interpreter.string()), Fault::storage);
    make_file(script, fmt::format("#!{}\n", interpreter.string()));
    make_file(real, "");
    const fs::path program = fs::canonical(runtime);
    return in_new_mounts([&] { put_in_place(program, script, real); });
}

std::optional<int> run_as_lacking_runtime(int argc, char** argv) {
    // The interpreter, the script, and what the script was given (execve(2)).
    if (argc < 2 || fs::path(argv[0]).filename() != k_interpreter)
        return std::nullopt;
    const std::vector<std::string> words(argv + 2, argv + argc);
    const RuntimeCall call = parse_runtime_call(words);
    if (call.command == "checkpoint")
        return answer_for(call);
    const std::string real = (fs::path(argv[0]).parent_path() / k_real_runtime).string();
    ::execv(real.c_str(), argv + 1);
    std::fprintf(stderr, "cedana cannot execute %s\n", real.c_str());
    return 1;
}

} // namespace cedana::containers
