// SPDX-License-Identifier: Apache-2.0
// The space of a job as its supervisor has it in its loop: what is known of the tree in there, its output, and the one
// dump or restore that runs in there at a time.
#pragma once

#include "cedana/base/event_loop.hpp"
#include "cedana/job/space.hpp"
#include "cedana/job/supervisor.hpp"
#include "cedana/job/task.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <sys/types.h>

#include "supervisor_output.hpp"
#include "supervisor_terminal.hpp"

namespace cedana::job {

class TendedSpace {
  public:
    // `taken` is called once there is one, with its first process.
    TendedSpace(EventLoop& loop, const RunRequest& request, KeyTerminal& terminal,
                std::function<void(pid_t init)> taken)
        : loop_(loop), terminal_(terminal), hear_(request.hear), output_target_(request.output),
          place_(place_of(request.folder)), env_(task_environment(request.config)), taken_(std::move(taken)) {}

    [[nodiscard]] bool exists() const noexcept { return space_.has_value(); }
    [[nodiscard]] Space* operator->() noexcept { return &*space_; }
    [[nodiscard]] const SpaceWord& word() const noexcept { return word_; }
    // Its first process has ended, and all with it.
    [[nodiscard]] bool is_gone() const noexcept { return is_gone_; }
    // The program, as it is seen from here; 0 if it has ended.
    [[nodiscard]] pid_t program_outside() const { return outside(word_.program); }
    // How many processes there are beside its first one: once the program has ended, what that has left.
    [[nodiscard]] std::size_t left_behind() const;
    // As the kernel sees it, which the space's first process tells of just after that.
    [[nodiscard]] bool has_root_ended() const { return is_gone_ || word_.ended || outside(word_.root) == 0; }

    // Its place is this job's.
    void make(SpaceRequest request);
    // Of a supervisor that was killed; false if there is none in which a tree runs.
    [[nodiscard]] bool find();
    // Ends all in there; what the tree has written is in its place.
    void leave();
    // Ends all in there at once, if there is anything.
    void end();

    // Where the space has ended by now there is none afterwards, and it has failed.
    void run_task(const std::vector<std::string>& words, Space::Ends ends, const std::string& more = {});
    [[nodiscard]] bool has_task() const noexcept { return task_.has_value(); }
    // Of the last one that ended.
    [[nodiscard]] int task_code() const noexcept { return task_code_; }
    // It came as far as CRIU: what was refused before says nothing of a checkpoint.
    [[nodiscard]] bool was_task_begun() const noexcept { return was_task_begun_; }
    [[nodiscard]] const nlohmann::json& task_result() const noexcept { return task_result_; }
    [[nodiscard]] std::string task_message(const std::string& otherwise) const;
    // It ends with the space.
    void drop_task();

  private:
    [[nodiscard]] pid_t outside(pid_t number) const;
    void take(Space space);
    void copy_output();
    void read_messages();
    void end_task();

    void hear(const nlohmann::ordered_json& said) const;

    EventLoop& loop_;
    KeyTerminal& terminal_;
    const Hear& hear_;
    const UniqueFd& output_target_;
    std::filesystem::path place_;
    std::vector<std::string> env_;
    std::function<void(pid_t)> taken_;
    std::optional<Space> space_;
    std::optional<TreeOutput> output_;
    SpaceWord word_;
    bool is_gone_ = false;
    std::optional<Task> task_;
    int task_code_ = 0;
    bool was_task_begun_ = false;
    nlohmann::json task_result_;
};

} // namespace cedana::job
