// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/restore.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/text.hpp"
#include "cedana/roles/guard.hpp"
#include "cedana/roles/pid_namespace.hpp"
#include "cedana/roles/terminal.hpp"
#include "cedana/roles/tree_pids.hpp"

#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

// On a new terminal: its process tells, and goes on when CRIU has ended.
class OnTerminal : public criu::RunningCriu {
  public:
    OnTerminal(KeptCriu kept, RestoreReport& report) : kept_(std::move(kept)), report_(report) {}
    [[nodiscard]] int end() const override { return kept_.outcome.get(); }
    [[nodiscard]] ExitStatus status() override {
        unsigned char code = 0;
        if (::read(kept_.outcome.get(), &code, 1) != 1) {
            const ExitStatus status = kept_.terminal.wait();
            return status.code() ? ExitStatus::of_shell_code(*status.code()) : status;
        }
        kept_.terminal.detach();
        return ExitStatus::of_shell_code(code);
    }
    [[nodiscard]] std::optional<pid_t> root() override {
        const pid_t root = read_pids(kept_.outcome.get()).root;
        report_.outcome = std::move(kept_.outcome);
        return root;
    }

  private:
    KeptCriu kept_;
    RestoreReport& report_;
};

class InNamespace : public criu::RunningCriu {
  public:
    InNamespace(ChildProcess pidns, UniqueFd outcome, RestoreReport& report)
        : pidns_(criu::run_by(std::move(pidns))), outcome_(std::move(outcome)), report_(report) {}
    [[nodiscard]] int end() const override { return pidns_->end(); }
    [[nodiscard]] ExitStatus status() override { return pidns_->status(); }
    [[nodiscard]] std::optional<pid_t> root() override {
        const TreePids pids = read_pids(outcome_.get());
        report_.child = pids.child;
        return pids.root;
    }

  private:
    std::unique_ptr<criu::RunningCriu> pidns_;
    UniqueFd outcome_;
    RestoreReport& report_;
};

std::unique_ptr<criu::RunningCriu> start_on_terminal(const criu::RestoreJob& job, const RestoreRoles& roles, Ends ends,
                                                     SpawnRequest criu, RestoreReport& report) {
    const auto pid_file = job.folder / criu::k_pid_file;
    TerminalRequest request{.criu = std::move(criu),
                            .log = job.folder / criu::k_restore_log,
                            .pid_file = pid_file,
                            .held = job.held,
                            .output = std::move(ends.terminal_output),
                            .output_is_terminal = ends.output_is_terminal,
                            .copies = std::move(ends.copies),
                            .reserved = roles.own_terminals};
    if (roles.pids == Pids::same) {
        request.root = roles.root;
        return std::make_unique<OnTerminal>(start_on_new_terminal(std::move(request)), report);
    }
    Pipe tree = make_pipe();
    RoleCommand pidns = in_new_pid_namespace({.criu = request.criu,
                                              .pid_file = pid_file,
                                              .held = job.held,
                                              .tree_pids = tree.write_end,
                                              .input = Input::own,
                                              .root = roles.root,
                                              .numbers = roles.numbers});
    request.criu = std::move(pidns.request);
    request.tree = std::move(tree.read_end);
    return std::make_unique<OnTerminal>(start_on_new_terminal(std::move(request)), report);
}

std::unique_ptr<criu::RunningCriu> start(const criu::RestoreJob& job, const RestoreRoles& roles, Ends ends,
                                         SpawnRequest criu, RestoreReport& report) {
    if (roles.terminal == Terminal::fresh)
        return start_on_terminal(job, roles, std::move(ends), std::move(criu), report);
    report.copier = start_copier(std::move(ends.copies));
    if (roles.terminal == Terminal::ours)
        criu.fds.emplace_back(STDIN_FILENO, STDIN_FILENO);
    else
        criu.session = Session::own;
    // The kernel ends all processes of a pid namespace with its init, which so needs no guard.
    if (roles.pids == Pids::same)
        return criu::run_by(start_guarded(criu, job.folder / criu::k_restore_log, job.held, roles.root, roles.stops));
    Pipe outcome = make_pipe();
    Pipe stops = roles.terminal == Terminal::ours ? make_pipe() : Pipe();
    report.stops = std::move(stops.read_end);
    RoleCommand pidns = in_new_pid_namespace({.criu = criu,
                                              .pid_file = job.folder / criu::k_pid_file,
                                              .held = job.held,
                                              .tree_pids = outcome.write_end,
                                              .stops = stops.write_end.get(),
                                              .input = Input::of_criu,
                                              .root = roles.root,
                                              .numbers = roles.numbers});
    return std::make_unique<InNamespace>(ChildProcess::spawn(std::move(pidns.request)), std::move(outcome.read_end),
                                         report);
}

} // namespace

std::vector<criu::TreeEnd> open_outside_files(const std::vector<OutsideFile>& files) {
    std::vector<criu::TreeEnd> ends;
    for (const OutsideFile& file : files) {
        UniqueFd place(::open(file.path.c_str(), O_PATH | O_CLOEXEC));
        if (!place)
            throw OsFailure(Fault::environment).error("cannot give criu {}", printable(file.path));
        ends.push_back({.fd = std::move(place), .id = file.id});
    }
    return ends;
}

RestoreReport restore(const criu::RestoreJob& job, const RestoreRoles& roles, Ends ends, ImageSource& source,
                      const Interrupt& interrupt) {
    RestoreReport report;
    std::vector<criu::TreeEnd> of_tree = std::move(ends.of_tree);
    const auto launch = [&](SpawnRequest criu) { return start(job, roles, std::move(ends), std::move(criu), report); };
    const criu::RestoreReport done = criu::restore(job, std::move(of_tree), source, interrupt, launch);
    report.status = done.status;
    report.pid = done.pid;
    report.bytes = done.bytes;
    report.mends = done.mends;
    report.stood = done.stood;
    if (!report.outcome && roles.pids == Pids::same)
        report.child = done.pid;
    return report;
}

} // namespace cedana::roles
