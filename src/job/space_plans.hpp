// SPDX-License-Identifier: Apache-2.0
// The plans of the roles of a space. Whole numbers are those of descriptors in the role, -1 for none.
#pragma once

#include "cedana/job/program.hpp"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sys/types.h>

namespace cedana::job {

inline constexpr const char* k_space_role = "space";
inline constexpr const char* k_job_role = "job";
inline constexpr const char* k_starter_role = "starter";
inline constexpr const char* k_enter_role = "enter";

struct SpacePlan {
    // As in SpaceRequest.
    std::string place = {};
    std::set<pid_t> numbers = {};
    std::int64_t lease_ms = 0;
    bool has_terminal = false;
    uid_t terminal_of = 0;
    // Of a space that has the pids of its host (space_members.hpp); empty: it has pids of its own.
    std::string mark = {};
    // A byte is written here once the socket is there.
    int ready = -1;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(SpacePlan, place, numbers, lease_ms, has_terminal, terminal_of, mark, ready)
};

struct StarterPlan {
    Program program = {};
    // The pid of the program is written here as text, or why there is none: a fault, a space and the message.
    int outcome = -1;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(StarterPlan, program, outcome)
};

struct EnterPlan {
    std::vector<std::string> argv = {};
    std::vector<std::string> env = {};
    std::string cwd = {};
    std::vector<std::pair<int, int>> fds = {};
    // -1 if the role is in there from the start.
    int pids = -1;
    int mounts = -1;
    // The exit code of the command is written here as text; -1: it is that of the role alone.
    int outcome = -1;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(EnterPlan, argv, env, cwd, fds, pids, mounts, outcome)
};

// The socket in a job's place.
inline constexpr const char* k_space_socket = "socket";

// What each end of that socket says is a line of JSON each; a word of which a text is no UTF-8 (an argument, a path) is
// in there as CBOR, a number a byte.
inline constexpr const char* k_word_bytes = "cbor";
inline std::string word_line(const nlohmann::json& word) {
    try {
        return word.dump(-1, ' ', true) + "\n";
    } catch (const nlohmann::json::type_error&) {
        return nlohmann::json({{k_word_bytes, nlohmann::json::to_cbor(word)}}).dump() + "\n";
    }
}
inline nlohmann::json parse_word(const std::string& line) {
    nlohmann::json word = nlohmann::json::parse(line);
    const auto bytes = word.find(k_word_bytes);
    return bytes == word.end() ? word : nlohmann::json::from_cbor(bytes->get<std::vector<std::uint8_t>>());
}
// Hands every whole line of `pending` on and takes it away.
template <typename Hear>
void hear_words(std::string& pending, Hear&& hear) {
    for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        const nlohmann::json word = parse_word(pending.substr(0, end));
        pending.erase(0, end + 1);
        hear(word);
    }
}

// In the role `job`. Its exit code.
int run_job(const nlohmann::json& plan);

} // namespace cedana::job
