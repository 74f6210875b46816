// SPDX-License-Identifier: Apache-2.0
// What cedana and CRIU's action script have agreed on.
#pragma once

namespace cedana::criu {

// With this argument it is no script: it answers a CRIU that tells of its stages through a socket (rpc.hpp), which it
// has at the descriptor below, until that has ended. It asks just as the script does.
inline constexpr const char* k_answering = "answer";
inline constexpr int k_stages_of_criu = 3;
// The environment variable with the path of the socket on which the script asks.
inline constexpr const char* k_action_socket = "CEDANA_ACTION_SOCKET";
// One that is set, to anything: it asks at every stage, for whoever passes the stages on (rpc.hpp).
inline constexpr const char* k_every_stage = "CEDANA_ACTION_EVERY_STAGE";
// One that is set, to anything: it asks at pre-dump, too, where the tree runs yet (criu/cr-dump.c, cr_dump_tasks()).
inline constexpr const char* k_before_freeze = "CEDANA_ACTION_BEFORE_FREEZE";
inline constexpr const char* k_stage_pre_dump = "pre-dump";
// The stages at which it asks else. All images are written, and the tree is frozen yet.
inline constexpr const char* k_stage_post_dump = "post-dump";
// All mappings are there, and nothing of the tree runs yet (criu/cr-restore.c, restore_root_task()).
inline constexpr const char* k_stage_post_restore = "post-restore";
// The tree is whole, and does not run yet.
inline constexpr const char* k_stage_pre_resume = "pre-resume";
// The question: the stage, this, the pid of the root as CRIU sees it, and the end.
inline constexpr char k_before_pid = ' ';
inline constexpr char k_end_of_question = '\n';
inline constexpr unsigned long k_longest_question = 64;
// The answer; anything but these two, and an end without one, is a no.
inline constexpr char k_go_on = 'y';
// Not yet: cedana is at work. It says so every second; one that has said nothing for so long is stopped, or hangs in
// the kernel, which may keep its sockets open even if it is killed.
inline constexpr char k_wait = 'w';
inline constexpr int k_silence_milliseconds = 15'000;

} // namespace cedana::criu
