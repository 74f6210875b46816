// SPDX-License-Identifier: Apache-2.0
#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/containers/stand_in.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <span>
#include <string_view>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

namespace cedana::containers {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t k_longest_answer = 16UL << 20;

std::vector<char*> pointers_of(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    std::ranges::transform(words, std::back_inserter(pointers), [](std::string& word) { return word.data(); });
    pointers.push_back(nullptr);
    return pointers;
}

// As it was called.
void become_criu(const fs::path& work, char** argv) {
    const fs::path criu = fs::read_symlink(work / "criu");
    ::execv(criu.c_str(), argv);
    throw OsFailure(Fault::environment).error("cannot execute {}", criu.string());
}

// CRIU opens it again, in the way that the tree had it open.
void give_file(const std::string& path, int number) {
    const UniqueFd file = open_file(path, O_PATH);
    if (::dup2(file.get(), number) < 0)
        throw OsFailure(Fault::environment).error("cannot give criu {}", printable(path));
}

int become_what_is_told(const fs::path& work, int runtime, char** argv) {
    const UniqueFd connection = connect_unix(work / "swrk.sock");
    if (send_with_fd(connection.get(), "s", runtime) != 1)
        throw OsFailure(Fault::environment).error("cannot reach the cedana that restores");
    const std::string answer = read_all(connection.get(), "the answer of cedana", k_longest_answer);
    // The one that restores has failed, and says why.
    if (answer.empty())
        return 1;
    const auto json = nlohmann::json::from_cbor(answer);
    const auto kind = static_cast<StandInAnswer::Kind>(json.at("kind").get<int>());
    if (kind == StandInAnswer::Kind::done)
        return 0;
    if (kind == StandInAnswer::Kind::unchanged)
        become_criu(work, argv);
    for (const auto& [path, number] : json.at("files").get<std::vector<std::pair<std::string, int>>>())
        give_file(path, number);
    auto words = json.at("argv").get<std::vector<std::string>>();
    auto environment = json.at("environment").get<std::vector<std::string>>();
    // The other end of it tells from now on who has it.
    ::fcntl(runtime, F_SETFD, FD_CLOEXEC);
    ::execve(words.at(0).c_str(), pointers_of(words).data(), pointers_of(environment).data());
    throw OsFailure(Fault::environment).error("cannot execute {}", words.at(0));
}

} // namespace

std::optional<int> run_as_criu(int argc, char** argv) {
    // The kernel gives the address as a number (getauxval(3)). NOLINTNEXTLINE(performance-no-int-to-ptr)
    const auto* const name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    if (name == nullptr || fs::path(name).filename() != "criu")
        return std::nullopt;
    try {
        const fs::path work = fs::path(name).parent_path().parent_path();
        const std::span<char*> words(argv, static_cast<std::size_t>(argc));
        if (std::int64_t runtime = -1;
            argc >= 3 && std::string_view(words[1]) == "swrk" && parse_number(words[2], runtime))
            return become_what_is_told(work, static_cast<int>(runtime), argv);
        become_criu(work, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cedana, started as criu: %s\n", error.what());
    }
    return 1;
}

} // namespace cedana::containers
