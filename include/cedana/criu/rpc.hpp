// SPDX-License-Identifier: Apache-2.0
// The protocol by which a container runtime drives CRIU (images/rpc.proto of CRIU): it starts `criu swrk N` and sends
// one request through the socket N; CRIU tells it of each stage and waits for its answer, and says at the end how it
// went. Pure: bytes in, bytes out. What a request asks for becomes CRIU's command line, since only that knows --stream.
// cedana itself asks so for dumps whose images are files (stage_answers.hpp).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace cedana::criu {

// All others are for CRIU itself.
enum class RpcWork { dump, restore, other };

struct RpcMount {
    std::string key;
    std::string value;
};

struct RpcCall {
    RpcWork work = RpcWork::other;
    // Of a dump.
    pid_t pid = 0;
    // It is to be told of each stage.
    bool wants_stages = false;
    // Where the root file system of the container is.
    std::string root = {};
    // What is outside of it, by the name that it has in the images.
    std::vector<RpcMount> mounts = {};
    // Of a restore: CRIU's command line for all of this, without what says where the images are.
    std::vector<std::string> arguments = {};
};

// Throws Error(Fault::internal) for what is no such message.
[[nodiscard]] RpcCall parse_rpc_call(std::string_view message);
// Whether the answer to a stage says that CRIU may go on.
[[nodiscard]] bool parse_stage_answer(std::string_view message);

// What asks a `criu swrk N` for a dump of `pid` and has it tell of its stages; all else is on its command line. It
// finds the folder for its images at the number `images` of the process that has made the socket (criu/cr-service.c,
// resolve_images_dir_path()), and takes how much it logs from here alone (setup_logging_from_req()).
[[nodiscard]] std::string dump_request(pid_t pid, int images, int log_level);
[[nodiscard]] std::string stage_message(std::string_view stage, pid_t root);
// `root`: of what was restored; 0: it did not work.
[[nodiscard]] std::string restored_message(pid_t root);
[[nodiscard]] std::string dumped_message();

} // namespace cedana::criu
