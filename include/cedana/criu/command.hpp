// SPDX-License-Identifier: Apache-2.0
// The command lines of CRIU, as pure functions of what is wanted.
#pragma once

#include "cedana/model/criu_options.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

enum class After { leave_running, stop };

// How images go between CRIU and cedana: by the image-streamer socket, or as files.
enum class Images { streamed, files };

// What CRIU writes into its log.
enum class LogOf { all, failures };

struct Paths {
    std::string program = "criu";
    // Where the image-streamer socket lies, or the files.
    std::filesystem::path images;
    // Where CRIU writes its log and its statistics.
    std::filesystem::path work;
};

struct DumpCommand {
    Paths paths;
    pid_t pid = 0;
    After after = After::leave_running;
    CriuOptions options;
    // Empty: CRIU tells of its stages through a socket (stage_answers.hpp).
    std::filesystem::path action_script;
    Images images = Images::streamed;
    LogOf log = LogOf::all;
    // CRIU opens each file of the tree once more for its build-ID (criu/files-reg.c, store_validation_data_build_id),
    // unless it is told to note its size alone.
    bool sizes_only = false;
};

// The number in CRIU of the descriptor that a job holds (its work folder's lock).
inline constexpr int k_held = 3;
// Of the folder into which it writes the images of a dump.
inline constexpr int k_image_folder = 4;
// Of the socket through which it tells of the stages of a dump.
inline constexpr int k_stage_socket = 5;
// Of its action script's program, where CRIU runs in a pid namespace of its own and so does not see this process in
// /proc. Whoever is pid 1 there keeps it at a descriptor of its own, by which CRIU finds it; CRIU closes all of its
// descriptors before it starts the script (criu/util.c, cr_system_userns()).
inline constexpr int k_action_program = 4;
inline constexpr int k_kept_action_program = 3;

// A descriptor of CRIU's that takes the place of one that led outside.
struct Inherited {
    int number = -1;
    // How CRIU calls what it replaces: "pipe:[4711]".
    std::string id = {};
};

struct RestoreCommand {
    Paths paths;
    CriuOptions options;
    std::vector<Inherited> inherited = {};
    // Pages that can come later are left to whoever listens in the work folder (lazy/handover.hpp).
    bool lazy_pages = false;
    // CRIU writes the root's pid into it.
    std::filesystem::path pid_file;
    // Empty: none.
    std::filesystem::path action_script = {};
    // What it has restored stays stopped.
    bool leave_stopped = false;
};

inline constexpr const char* k_dump_log = "dump.log";
inline constexpr const char* k_restore_log = "restore.log";

[[nodiscard]] std::vector<std::string> dump_argv(const DumpCommand& command);
// How much of a log a command line asks CRIU for, 0 to 4 (criu/config.c, parse_options()): by a socket it is told apart
// from that.
[[nodiscard]] int log_level_of(const std::vector<std::string>& argv);
[[nodiscard]] std::vector<std::string> restore_argv(const RestoreCommand& command);

// An argument by which CRIU neither runs anything nor touches a file that it would not touch otherwise.
[[nodiscard]] bool is_harmless(std::string_view argument);

} // namespace cedana::criu
