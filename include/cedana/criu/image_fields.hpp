// SPDX-License-Identifier: Apache-2.0
// The fields of CRIU's messages under the names that its .proto files (images/*.proto) give them, for protozero to read
// and to write. The field of a message that is read is taken by number_of, bytes_of and message_of, or skipped:
// protozero takes on trust that a field has the type which it is read as, and these look first.
#pragma once

#include "cedana/base/error.hpp"

#include <cstdint>
#include <protozero/pbf_builder.hpp>
#include <protozero/pbf_message.hpp>
#include <string>
#include <string_view>

namespace cedana::criu {

using FieldNumber = protozero::pbf_tag_type;

// core.proto
enum class CoreEntry : FieldNumber { mtype = 1, thread_info = 2, tc = 3, thread_core = 5, ti_aarch64 = 8 };
enum class TaskCoreEntry : FieldNumber {
    task_state = 1,
    blk_sigset = 5,
    comm = 6,
    timers = 7,
    rlimits = 8,
    signals_s = 10
};
enum class ThreadCoreEntry : FieldNumber {
    blk_sigset = 6,
    pdeath_sig = 8,
    signals_p = 9,
    creds = 10,
    seccomp_mode = 11,
    comm = 13
};
// creds.proto
enum class CredsEntry : FieldNumber {
    uid = 1,
    gid = 2,
    euid = 3,
    egid = 4,
    suid = 5,
    sgid = 6,
    fsuid = 7,
    fsgid = 8,
    cap_inh = 9,
    cap_prm = 10,
    cap_eff = 11,
    cap_bnd = 12,
    groups = 14,
    lsm_profile = 15,
    no_new_privs = 18,
    cap_amb = 19
};
// rlimit.proto
enum class TaskRlimitsEntry : FieldNumber { rlimits = 1 };
enum class RlimitEntry : FieldNumber { cur = 1, max = 2 };
// core-x86.proto; all of user_x86_regs_entry up to gs are numbers.
enum class ThreadInfoX86 : FieldNumber { gpregs = 2 };
enum class UserX86RegsEntry : FieldNumber {
    r15 = 1,
    r10 = 8,
    ax = 11,
    dx = 13,
    si = 14,
    di = 15,
    orig_ax = 16,
    ip = 17,
    sp = 20,
    gs = 27,
    mode = 28
};
// core-aarch64.proto
enum class ThreadInfoAarch64 : FieldNumber { gpregs = 3 };
enum class UserAarch64RegsEntry : FieldNumber { regs = 1, sp = 2, pc = 3, pstate = 4 };
enum class TaskKobjIds : FieldNumber {
    files_id = 2,
    pid_ns_id = 5,
    net_ns_id = 6,
    ipc_ns_id = 7,
    uts_ns_id = 8,
    mnt_ns_id = 9,
    user_ns_id = 10,
    cgroup_ns_id = 11,
    time_ns_id = 12
};
// fdinfo.proto
enum class FdinfoEntry : FieldNumber { id = 1, fd = 4 };
enum class FileEntry : FieldNumber {
    type = 1,
    id = 2,
    reg = 3,
    isk = 4,
    psk = 6,
    tunf = 11,
    tfd = 12,
    ffy = 14,
    ext = 15,
    usk = 16,
    fifo = 17,
    tty = 19,
    bpf = 21
};
// file-lock.proto
enum class FileLockEntry : FieldNumber { flag = 1, type = 2, pid = 3, fd = 4, start = 5, len = 6 };
// img-streamer.proto
enum class StreamerRequest : FieldNumber { filename = 1 };
enum class StreamerReply : FieldNumber { exists = 1 };
// cgroup.proto
enum class CgroupEntry : FieldNumber { controllers = 2 };
enum class CgControllerEntry : FieldNumber { dirs = 2 };
enum class CgroupDirEntry : FieldNumber { dir_name = 1, children = 2 };
// inventory.proto
enum class InventoryEntry : FieldNumber { root_ids = 3 };
// mm.proto
enum class MmEntry : FieldNumber { vmas = 14, dumpable = 15 };
// pagemap.proto
enum class PagemapHead : FieldNumber { pages_id = 1 };
enum class PagemapEntry : FieldNumber { vaddr = 1, compat_nr_pages = 2, in_parent = 3, flags = 4, nr_pages = 5 };
// pipe-data.proto
enum class PipeDataEntry : FieldNumber { pipe_id = 1, bytes = 2, size = 3 };
// pstree.proto
enum class PstreeEntry : FieldNumber { pid = 1, ppid = 2, pgid = 3, sid = 4, threads = 5 };
// regfile.proto
enum class RegFileEntry : FieldNumber {
    id = 1,
    flags = 2,
    pos = 3,
    fown = 5,
    name = 6,
    size = 8,
    ext = 9,
    mode = 10,
    build_id = 11
};
// remap-file-path.proto
enum class RemapFilePathEntry : FieldNumber { orig_id = 1, remap_id = 2, remap_type = 3 };
// rpc.proto
enum class RpcRequest : FieldNumber { type = 1, opts = 2, notify_success = 3 };
enum class RpcResponse : FieldNumber { type = 1, success = 2, dump = 3, restore = 4, notify = 5, cr_errmsg = 9 };
enum class RpcDumpResponse : FieldNumber { restored = 1 };
enum class RpcRestoreResponse : FieldNumber { pid = 1 };
enum class RpcNotify : FieldNumber { script = 1, pid = 2 };
enum class RpcOptions : FieldNumber {
    images_dir_fd = 1,
    pid = 2,
    ext_unix_sk = 4,
    tcp_established = 5,
    evasive_devices = 6,
    shell_job = 7,
    file_locks = 8,
    log_level = 9,
    notify_scripts = 12,
    root = 13,
    link_remap = 18,
    ext_mnt = 23,
    manage_cgroups = 24,
    cg_root = 25,
    rst_sibling = 26,
    inherit_fd = 27,
    manage_cgroups_mode = 34,
    external = 37,
    empty_ns = 38,
    join_ns = 39,
    tcp_skip_in_flight = 46,
    weak_sysctls = 47,
    tcp_close = 52,
    lsm_profile = 53,
    lsm_mount_context = 63,
    network_lock = 64,
    mntns_compat_mode = 65,
    skip_file_rwx_check = 66
};
enum class RpcPair : FieldNumber { first = 1, second = 2 };
// siginfo.proto
enum class SignalQueueEntry : FieldNumber { signals = 1 };
enum class SiginfoEntry : FieldNumber { siginfo = 1 };
// sk-inet.proto
enum class InetSkEntry : FieldNumber {
    ino = 2,
    family = 3,
    type = 4,
    proto = 5,
    state = 6,
    src_port = 7,
    dst_port = 8,
    src_addr = 11,
    dst_addr = 12,
    opts = 14,
    v6only = 15,
    ifname = 17
};
// sk-opts.proto
enum class SkOptsEntry : FieldNumber { reuseaddr = 7, so_bound_dev = 15, so_reuseport = 17 };
// sk-unix.proto
enum class UnixSkEntry : FieldNumber { type = 3, state = 4, uflags = 6, name = 11, name_dir = 14, deleted = 15 };
// stats.proto
enum class StatsEntry : FieldNumber { dump = 1 };
enum class DumpStatsEntry : FieldNumber { freezing_time = 1, frozen_time = 2 };
// tcp-stream.proto
enum class TcpStreamEntry : FieldNumber { unsq_len = 12 };
// timens.proto
enum class TimensEntry : FieldNumber { monotonic = 1, boottime = 2 };
enum class TimespecEntry : FieldNumber { tv_sec = 1, tv_nsec = 2 };
// timer.proto
enum class TaskTimersEntry : FieldNumber { real = 1, posix = 4 };
enum class ItimerEntry : FieldNumber { isec = 1, iusec = 2, vsec = 3, vusec = 4 };
// timerfd.proto
enum class TimerfdEntry : FieldNumber { ticks = 5, settime_flags = 6, vsec = 7, vnsec = 8, isec = 9, insec = 10 };
// tty.proto
enum class TtyFileEntry : FieldNumber { id = 1, tty_info_id = 2, flags = 3, fown = 4, regf_id = 6 };
enum class TtyInfoEntry : FieldNumber {
    id = 1,
    type = 2,
    sid = 6,
    pgrp = 7,
    rdev = 8,
    termios = 9,
    pty = 12,
    dev = 13
};
enum class TermiosEntry : FieldNumber { c_lflag = 4 };
enum class TtyPtyEntry : FieldNumber { index = 1 };
// vma.proto
enum class VmaEntry : FieldNumber {
    start = 1,
    end = 2,
    pgoff = 3,
    shmid = 4,
    prot = 5,
    flags = 6,
    status = 7,
    madv = 9
};

struct UnexpectedFieldType : protozero::exception {
    [[nodiscard]] const char* what() const noexcept override { return "a field is of another type than its name says"; }
};

// Refers to `message`, which must outlive it.
template <typename Field>
[[nodiscard]] protozero::pbf_message<Field> fields_of(std::string_view message) {
    return {message.data(), message.size()};
}

[[nodiscard]] std::uint64_t number_of(protozero::pbf_reader& field);
[[nodiscard]] std::string_view bytes_of(protozero::pbf_reader& field);
template <typename Field>
[[nodiscard]] protozero::pbf_message<Field> message_of(protozero::pbf_reader& field) {
    return fields_of<Field>(bytes_of(field));
}

// Of a field that occurs more than once the last; `otherwise` or nothing if there is none.
template <typename Field>
[[nodiscard]] std::uint64_t number_in(protozero::pbf_message<Field> message, Field wanted, std::uint64_t otherwise) {
    while (message.next(wanted))
        otherwise = number_of(message);
    return otherwise;
}
template <typename Field>
[[nodiscard]] std::string_view bytes_in(protozero::pbf_message<Field> message, Field wanted) {
    std::string_view bytes;
    while (message.next(wanted))
        bytes = bytes_of(message);
    return bytes;
}

// A message with some of its fields written anew, and every other one, those that are not known too, byte for byte as
// it was. `change(field, out)` is called for each field; it returns true if `out` has now what is to stand in the
// field's place, which may be nothing.
template <typename Field, typename Change>
[[nodiscard]] std::string changed_message(std::string_view message, Change&& change) {
    std::string changed;
    protozero::pbf_builder<Field> out(changed);
    protozero::pbf_message<Field> field = fields_of<Field>(message);
    for (const char* start = message.data(); field.next(); start = field.data().data()) {
        protozero::pbf_message<Field> current = field;
        field.skip();
        if (!change(current, out))
            changed.append(start, field.data().data());
    }
    return changed;
}

// The border of protozero: runs `parse`, and throws an Error in place of what protozero throws.
[[noreturn]] void throw_unreadable(Fault fault, const char* what, const protozero::exception& error);
template <typename Parse>
auto parse_messages(Fault fault, const char* what, Parse&& parse) {
    try {
        return parse();
    } catch (const protozero::exception& error) {
        throw_unreadable(fault, what, error);
    }
}
template <typename Parse>
auto parse_image(Parse&& parse) {
    return parse_messages(Fault::checkpoint, "an image of criu is damaged", parse);
}

} // namespace cedana::criu
