// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/own_stdio.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/state_folder.hpp"
#include "cedana/base/text.hpp"
#include "cedana/roles/journal.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

namespace cedana {

namespace {

StdioKind kind_of(int fd, const struct ::stat& info) {
    const dev_t null = makedev(1, 3);
    if (S_ISFIFO(info.st_mode))
        return StdioKind::pipe;
    if (S_ISSOCK(info.st_mode))
        return StdioKind::socket;
    if (S_ISREG(info.st_mode))
        return StdioKind::file;
    if (S_ISCHR(info.st_mode) && info.st_rdev == null)
        return StdioKind::null;
    return ::isatty(fd) == 1 ? StdioKind::terminal : StdioKind::none;
}

OwnDescriptor read_descriptor(int fd) {
    struct ::stat info {};
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fstat(fd, &info) != 0)
        return {};
    // tcgetsid(3) fails for the terminal of another session.
    return {.fd = fd,
            .kind = kind_of(fd, info),
            .readable = (flags & O_ACCMODE) != O_WRONLY,
            .writable = (flags & O_ACCMODE) != O_RDONLY,
            .is_own_terminal = ::tcgetsid(fd) == ::getsid(0)};
}

UniqueFd copy_of(int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!copy)
        throw OsFailure().error("cannot use descriptor {}", fd);
    return copy;
}

UniqueFd open_output(const OutputPlace& output) {
    if (output.named_by == NamedBy::cedana)
        make_log_folder(output.path.parent_path());
    return open_output_for(output.caller, output.path, output.named_by);
}

// Whether open_output() could make the file in its folder.
void require_place_for(const OutputPlace& output) {
    const std::filesystem::path folder = output.path.parent_path();
    if (output.named_by == NamedBy::cedana && ::access(folder.c_str(), F_OK) != 0)
        return;
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        throw OsFailure().error("cannot open {}", output.path.string());
    if (output.named_by == NamedBy::caller && !can_write_in(output.caller, folder) && !may_become_root(output.caller))
        throw os_error(EACCES, fmt::format("cannot open {}", output.path.string()));
}

// Only the copier's side: the tree has the flags that it had.
void set_nonblocking(const UniqueFd& fd) { ::fcntl(fd.get(), F_SETFL, O_NONBLOCK); }

UniqueFd open_users_terminal(const HeldTerminal& terminal) {
    UniqueFd fd = open_for_output(Procfs(), terminal);
    if (!fd)
        throw Error(Fault::environment, "the terminal that its output is to be shown on is gone")
            .hint("write it to a file: --stdio FILE");
    return fd;
}

void add_writer(roles::Ends& ends, const JoinedPipe& joined, const HeldTerminal& users, const OutputPlace& output,
                std::string id) {
    if (joined.to == PipeJoin::shown)
        return void(ends.of_tree.push_back({.fd = open_users_terminal(users), .id = std::move(id)}));
    if (joined.to == PipeJoin::own) {
        const StdioKind kind = read_descriptor(joined.fd).kind;
        // CRIU opens it anew (criu/pipes.c, reopen_pipe): good for pipes and terminals, while a file would be
        // overwritten from its start, a socket cannot be opened, and neither file nor /dev/null can be in an epoll set.
        if (kind == StdioKind::pipe || kind == StdioKind::terminal)
            return void(ends.of_tree.push_back({.fd = copy_of(joined.fd), .id = std::move(id)}));
    }
    Pipe pipe = make_pipe();
    set_nonblocking(pipe.read_end);
    UniqueFd target = joined.to == PipeJoin::own    ? copy_of(joined.fd)
                      : joined.to == PipeJoin::file ? open_output(output)
                                                    : open_file("/dev/null", O_WRONLY);
    ends.of_tree.push_back({.fd = std::move(pipe.write_end), .id = std::move(id)});
    ends.copies.push_back({.from = std::move(pipe.read_end), .to = std::move(target)});
}

// What was not read yet comes first, and then, if nobody is to write, the end.
void add_reader(roles::Ends& ends, const JoinedPipe& joined, const criu::PipeData& data, std::string id) {
    const bool own = joined.to == PipeJoin::own;
    if (own && read_descriptor(joined.fd).kind == StdioKind::pipe && data.unread.empty())
        return void(ends.of_tree.push_back({.fd = copy_of(joined.fd), .id = std::move(id)}));
    Pipe pipe = make_pipe();
    if (data.capacity != 0 && ::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, static_cast<int>(data.capacity)) < 0)
        throw OsFailure(Fault::environment).error("cannot make a pipe of {}", human_bytes(data.capacity));
    set_nonblocking(pipe.write_end);
    write_all(pipe.write_end.get(), data.unread, "a pipe of the tree");
    ends.of_tree.push_back({.fd = std::move(pipe.read_end), .id = std::move(id)});
    if (own)
        ends.copies.push_back(
            {.from = copy_of(joined.fd), .to = std::move(pipe.write_end), .flow = roles::Flow::into_tree});
}

} // namespace

OwnStdio read_given_ends(int first) {
    OwnStdio own{.at = {read_descriptor(first), read_descriptor(first + 1), read_descriptor(first + 2)},
                 .has_journal = roles::has_journal()};
    own.is_given_terminal = own.at[0].kind == StdioKind::terminal;
    return own;
}

OwnStdio read_own_stdio() {
    OwnStdio own{.at = {read_descriptor(STDIN_FILENO), read_descriptor(STDOUT_FILENO), read_descriptor(STDERR_FILENO)}};
    own.has_terminal = own.at[0].is_own_terminal && own.at[0].readable && own.at[0].writable;
    own.has_keys =
        own.has_terminal && own.at[1].kind == StdioKind::terminal && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
    own.has_journal = roles::has_journal();
    const Procfs procfs;
    own.passing = find_passing_terminal(procfs, ::getpid());
    if (own.passing && own.passing->beyond && !open_for_output(procfs, *own.passing->beyond))
        own.passing->beyond.reset();
    return own;
}

std::filesystem::path default_output(const std::filesystem::path& checkpoint) {
    return std::filesystem::path(k_log_folder) / checkpoint.filename().replace_extension(".out");
}

void require_output(const Joins& joins, const OutputPlace& output) {
    if (!joins.needs_file())
        return;
    std::error_code ignored;
    try {
        // To open a FIFO and close it again is an end of file for whoever reads it.
        if (std::filesystem::is_regular_file(output.path, ignored))
            static_cast<void>(open_for(output.caller, output.path, O_WRONLY | O_APPEND | O_NOCTTY, 0, output.named_by));
        else if (std::filesystem::is_directory(output.path, ignored))
            throw os_error(EISDIR, fmt::format("cannot open {}", output.path.string()));
        else if (!std::filesystem::exists(output.path, ignored))
            require_place_for(output);
    } catch (const Error& error) {
        throw no_output(error);
    }
}

roles::Ends make_ends(const Joins& joins, const OutputPlace& output,
                      const std::map<std::uint64_t, criu::PipeData>& unread) {
    roles::Ends ends;
    if (joins.terminal == TerminalJoin::file)
        ends.terminal_output = open_output(output);
    if (joins.terminal == TerminalJoin::shown) {
        ends.terminal_output = open_users_terminal(joins.shown_on);
        ends.output_is_terminal = true;
    }
    if (joins.terminal == TerminalJoin::given)
        ends.of_tree.push_back({.fd = copy_of(joins.given_terminal), .id = joins.terminal_id});
    for (const JoinedPipe& joined : joins.pipes) {
        std::string id = fmt::format("pipe:[{}]", joined.pipe.inode);
        const auto data = unread.find(joined.pipe.inode);
        if (joined.pipe.end == PipeEnd::write)
            add_writer(ends, joined, joins.shown_on, output, std::move(id));
        else
            add_reader(ends, joined, data == unread.end() ? criu::PipeData{} : data->second, std::move(id));
    }
    // A file will do (criu/sk-unix.c, open_unix_sk).
    for (const JournalStream& stream : joins.journal)
        ends.of_tree.push_back({.fd = joins.journal_to_file ? open_output(output) : roles::open_journal(stream),
                                .id = fmt::format("socket:[{}]", stream.inode)});
    return ends;
}

} // namespace cedana
