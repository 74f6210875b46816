// SPDX-License-Identifier: Apache-2.0
// The fields of everything in a manifest, in the order in which they are written. docs/archive-format.md explains them.
#pragma once

#include "cedana/model/manifest.hpp"

#include "json_fields.hpp"

namespace cedana {

inline constexpr std::uint64_t k_highest_pid = 4UL * 1024 * 1024;
inline constexpr std::uint64_t k_largest_file = std::numeric_limits<std::int64_t>::max();
// The highest id stands for "leave it as it is" (chown(2)).
inline constexpr std::uint64_t k_highest_id = std::numeric_limits<std::uint32_t>::max() - 1UL;
inline constexpr std::uint64_t k_all_modes = 07777;

template <>
struct FieldsOf<CriuOptions> {
    static constexpr auto table() {
        return std::tuple(field("shell_job", &CriuOptions::shell_job, Plain{}),
                          field("tcp_established", &CriuOptions::tcp_established, Plain{}),
                          field("network_lock", &CriuOptions::network_lock, Plain{}),
                          field("external_unix_sockets", &CriuOptions::external_unix_sockets, Plain{}),
                          field("file_locks", &CriuOptions::file_locks, Plain{}),
                          field("link_remap", &CriuOptions::link_remap, Plain{}),
                          field("ghost_limit", &CriuOptions::ghost_limit, Number{}),
                          field("ignore_cgroups", &CriuOptions::ignore_cgroups, Plain{}, Presence::later),
                          field("extra", &CriuOptions::extra, Plain{}));
    }
};

template <>
struct FieldsOf<ManifestHost> {
    static constexpr auto table() {
        return std::tuple(field("name", &ManifestHost::name, Plain{}), field("kernel", &ManifestHost::kernel, Plain{}),
                          field("machine", &ManifestHost::machine, Plain{}),
                          field("cpu_model", &ManifestHost::cpu_model, Plain{}),
                          field("cpu_flags", &ManifestHost::cpu_flags, Plain{}));
    }
};

template <>
struct FieldsOf<ProcessMemory> {
    static constexpr auto table() {
        return std::tuple(field("anonymous", &ProcessMemory::anonymous, Number{}),
                          field("file_backed", &ProcessMemory::file_backed, Number{}),
                          field("shared", &ProcessMemory::shared, Number{}),
                          field("swapped", &ProcessMemory::swapped, Number{}));
    }
};

template <>
struct FieldsOf<ManifestProcess> {
    static constexpr auto table() {
        return std::tuple(field("pid", &ManifestProcess::pid, Pid{}),
                          // 0: a parent in another pid namespace (proc(5)).
                          field("parent", &ManifestProcess::parent, Number{k_highest_pid}),
                          field("start_time", &ManifestProcess::start_time, Number{}),
                          field("comm", &ManifestProcess::comm, Plain{}),
                          field("executable", &ManifestProcess::executable, Plain{}),
                          field("command_line", &ManifestProcess::command_line, Plain{}),
                          field("threads", &ManifestProcess::threads, ListOf<Pid>{}),
                          field("resident_bytes", &ManifestProcess::resident_bytes, Number{}),
                          optional_field("memory", &ManifestProcess::memory, Record{}));
    }
};

template <>
struct FieldsOf<TcpConnection> {
    static constexpr auto table() {
        return std::tuple(field("local_address", &TcpConnection::local_address, Plain{}),
                          field("local_port", &TcpConnection::local_port, Number{}),
                          field("remote_address", &TcpConnection::remote_address, Plain{}),
                          field("remote_port", &TcpConnection::remote_port, Number{}));
    }
};

template <>
struct FieldsOf<Descriptor> {
    static constexpr auto table() {
        return std::tuple(field("pid", &Descriptor::pid, Number{}), field("fd", &Descriptor::fd, Number{}));
    }
};

inline constexpr auto k_pipe_end_names = name_table<PipeEnd>({{PipeEnd::read, "read"}, {PipeEnd::write, "write"}});

template <>
struct FieldsOf<ExternalPipe> {
    static constexpr auto table() {
        // The kernel's inode numbers of pipes have 32 bits, and so has what CRIU calls them by.
        return std::tuple(field("inode", &ExternalPipe::inode, Number{std::numeric_limits<std::uint32_t>::max()}),
                          field("end", &ExternalPipe::end, Named{k_pipe_end_names, "end of a pipe"}),
                          field("descriptors", &ExternalPipe::descriptors, ListOf<Record>{}));
    }
};

template <>
struct FieldsOf<JournalStream> {
    static constexpr auto table() {
        // As of a pipe.
        return std::tuple(field("inode", &JournalStream::inode, Number{std::numeric_limits<std::uint32_t>::max()}),
                          field("unit", &JournalStream::unit, Plain{}),
                          field("identifier", &JournalStream::identifier, Plain{}),
                          sparse_field("log_namespace", &JournalStream::log_namespace, Plain{}));
    }
};

template <>
struct FieldsOf<OutsideFile> {
    static constexpr auto table() {
        return std::tuple(field("id", &OutsideFile::id, Plain{}), path_field(&OutsideFile::path));
    }
};

inline constexpr auto k_unit_entry_names = name_table<UnitEntryKind>(
    {{UnitEntryKind::folder, "folder"}, {UnitEntryKind::link, "link"}, {UnitEntryKind::fifo, "fifo"}});

template <>
struct FieldsOf<UnitEntry> {
    static constexpr auto table() {
        return std::tuple(field("kind", &UnitEntry::kind, Named{k_unit_entry_names, "kind of entry"}),
                          path_field(&UnitEntry::path), sparse_field("target", &UnitEntry::target, Plain{}),
                          sparse_field("private", &UnitEntry::is_private, Plain{}),
                          field("mode", &UnitEntry::mode, Number{k_all_modes}),
                          field("owner", &UnitEntry::owner, Number{k_highest_id}),
                          field("group", &UnitEntry::group, Number{k_highest_id}));
    }
};

template <>
struct FieldsOf<ExternalTerminal> {
    static constexpr auto table() {
        return std::tuple(field("path", &ExternalTerminal::path, Plain{}),
                          field("descriptors", &ExternalTerminal::descriptors, ListOf<Record>{}));
    }
};

// A path in an object of its own.
struct PathObject {
    [[nodiscard]] Json write(const std::string& path) const {
        Json object = Json::object();
        put_path(object, path);
        return object;
    }
    void read(const Json& json, std::string& path) const { path = path_of(json); }
};

template <>
struct FieldsOf<LinkRemap> {
    static constexpr auto table() {
        return std::tuple(field("lost", &LinkRemap::lost, PathObject{}), field("link", &LinkRemap::link, PathObject{}),
                          sparse_field("name", &LinkRemap::name, PathObject{}),
                          sparse_field("waits", &LinkRemap::waits, PathObject{}));
    }
};

inline constexpr auto k_required_kind_names = name_table<RequiredKind>(
    {{RequiredKind::file, "file"}, {RequiredKind::folder, "folder"}, {RequiredKind::other, "other"}});

template <>
struct FieldsOf<RequiredFile> {
    static constexpr auto table() {
        return std::tuple(field("kind", &RequiredFile::kind, Named{k_required_kind_names, "kind of file"}),
                          path_field(&RequiredFile::path),
                          field_if(
                              +[](const RequiredFile& file) { return file.kind == RequiredKind::file; }, "size",
                              &RequiredFile::size, Number{}));
    }
};

// -1: not a descriptor, a mapping.
struct DescriptorOrMapping {
    [[nodiscard]] Json write(int fd) const { return fd; }
    void read(const Json& json, int& fd) const {
        if (json.is_number_integer() && json == -1)
            fd = -1;
        else
            Number{}.read(json, fd);
    }
};

template <>
struct FieldsOf<FileUse> {
    static constexpr auto table() {
        return std::tuple(field("pid", &FileUse::pid, Number{k_highest_pid}),
                          field("fd", &FileUse::fd, DescriptorOrMapping{}), field("flags", &FileUse::flags, Number{}));
    }
};

// The number of an entry; empty: the file was not copied.
struct EntryNumber {
    [[nodiscard]] Json write(const std::string& entry) const { return entry; }
    void read(const Json& json, std::string& entry) const;
};

struct Digest {
    [[nodiscard]] Json write(const std::string& digest) const { return digest; }
    void read(const Json& json, std::string& digest) const;
};

// Nanoseconds, which may be of before 1970.
struct FileTime {
    [[nodiscard]] Json write(std::int64_t time) const { return time; }
    void read(const Json& json, std::int64_t& time) const;
};

struct AttributesByName {
    [[nodiscard]] Json write(const ExtendedAttributes& attributes) const;
    void read(const Json& json, ExtendedAttributes& attributes) const;
};

template <>
struct FieldsOf<CapturedFile> {
    static constexpr auto table() {
        return std::tuple(path_field(&CapturedFile::path), field("entry", &CapturedFile::entry, EntryNumber{}),
                          field("size", &CapturedFile::size, Number{k_largest_file}),
                          field("sha256", &CapturedFile::digest, Digest{}),
                          field("mode", &CapturedFile::mode, Number{k_all_modes}),
                          field("owner", &CapturedFile::owner, Number{k_highest_id}),
                          field("group", &CapturedFile::group, Number{k_highest_id}),
                          sparse_field("extended_attributes", &CapturedFile::extended_attributes, AttributesByName{}),
                          field("accessed", &CapturedFile::accessed, FileTime{}),
                          field("modified", &CapturedFile::modified, FileTime{}),
                          field("uses", &CapturedFile::uses, ListOf<Record>{}),
                          field("blocks_sha256", &CapturedFile::blocks_digest, Digest{}, Presence::later));
    }
};

// Any bytes, as symlink(2) takes them.
struct LinkTarget {
    [[nodiscard]] Json write(const std::string& target) const;
    void read(const Json& json, std::string& target) const;
};

template <>
struct FieldsOf<NamedPlace> {
    static constexpr auto table() {
        return std::tuple(path_field(&NamedPlace::path), sparse_field("leads_to", &NamedPlace::leads_to, LinkTarget{}),
                          field("mode", &NamedPlace::mode, Number{k_all_modes}),
                          field("owner", &NamedPlace::owner, Number{k_highest_id}),
                          field("group", &NamedPlace::group, Number{k_highest_id}),
                          sparse_field("extended_attributes", &NamedPlace::extended_attributes, AttributesByName{}));
    }
};

template <>
struct FieldsOf<WatchRecord> {
    static constexpr auto table() {
        return std::tuple(field("available", &WatchRecord::available, Plain{}),
                          field("gaps", &WatchRecord::gaps, Plain{}));
    }
};

// Of descriptors there are thousands: what is as by default is not written.
template <>
struct FieldsOf<RecordedDescriptor> {
    static constexpr auto table() {
        using Owner = RecordedDescriptor;
        return std::tuple(
            field("fd", &Owner::fd, Number{}),
            field("kind", &Owner::kind, Named{k_open_kind_names, "kind of open file"}),
            field("target", &Owner::target, Plain{}), field("flags", &Owner::flags, Number{}),
            sparse_field("position", &Owner::position, Number{}), optional_field("names", &Owner::names, Number{}),
            sparse_field("locks", &Owner::locks, Plain{}), sparse_field("watches", &Owner::watches, Number{}));
    }
};

template <>
struct FieldsOf<RecordedProcess> {
    static constexpr auto table() {
        using Owner = RecordedProcess;
        return std::tuple(
            field("pid", &Owner::pid, Number{k_highest_pid}),
            field("group", &Owner::group, Number{k_highest_pid}, Presence::later),
            field("session", &Owner::session, Number{k_highest_pid}, Presence::later),
            sparse_field("terminal", &Owner::terminal, Plain{}),
            sparse_field("tracer", &Owner::tracer, Number{k_highest_pid}),
            sparse_field("seccomp", &Owner::seccomp, Number{}), sparse_field("timers", &Owner::timers, Number{}),
            sparse_field("namespaces", &Owner::namespaces, Plain{}), sparse_field("cgroups", &Owner::cgroups, Plain{}),
            field("descriptors", &Owner::descriptors, ListOf<Record>{}),
            sparse_field("descriptors_left_out", &Owner::descriptors_left_out, Number{}));
    }
};

template <>
struct FieldsOf<RecordedSocket> {
    static constexpr auto table() {
        using Owner = RecordedSocket;
        return std::tuple(field("inode", &Owner::inode, Number{}), field("kind", &Owner::kind, Plain{}),
                          field("state", &Owner::state, Plain{}), sparse_field("local", &Owner::local, Plain{}),
                          sparse_field("remote", &Owner::remote, Plain{}), sparse_field("peer", &Owner::peer, Number{}),
                          sparse_field("peer_outside", &Owner::peer_outside, Plain{}));
    }
};

template <>
struct FieldsOf<RecordedMapping> {
    static constexpr auto table() {
        return std::tuple(field("target", &RecordedMapping::target, Plain{}),
                          sparse_field("written", &RecordedMapping::written, Plain{}));
    }
};

template <>
struct FieldsOf<RecordedFacts> {
    static constexpr auto table() {
        using Owner = RecordedFacts;
        return std::tuple(field("processes", &Owner::processes, ListOf<Record>{}),
                          field("sockets", &Owner::sockets, ListOf<Record>{}),
                          field("mapped", &Owner::mapped, ListOf<Record>{}),
                          sparse_field("processes_left_out", &Owner::processes_left_out, Number{}),
                          sparse_field("sockets_left_out", &Owner::sockets_left_out, Number{}),
                          sparse_field("mapped_left_out", &Owner::mapped_left_out, Number{}));
    }
};

struct Signed {
    [[nodiscard]] Json write(int value) const { return value; }
    void read(const Json& json, int& value) const;
};

template <>
struct FieldsOf<ThreadAttributes> {
    static constexpr auto table() {
        using Owner = ThreadAttributes;
        constexpr std::uint64_t k_word = std::numeric_limits<std::uint32_t>::max();
        return std::tuple(field("threads", &Owner::threads, ListOf<Pid>{}), sparse_field("cpus", &Owner::cpus, Plain{}),
                          sparse_field("io_priority", &Owner::io_priority, Number{}),
                          field("timer_slack", &Owner::timer_slack, Number{}),
                          sparse_field("sched_policy", &Owner::sched_policy, Number{k_word}),
                          sparse_field("sched_flags", &Owner::sched_flags, Number{}),
                          sparse_field("nice", &Owner::nice, Signed{}),
                          sparse_field("sched_priority", &Owner::sched_priority, Number{k_word}),
                          sparse_field("sched_runtime", &Owner::sched_runtime, Number{}),
                          sparse_field("util_min", &Owner::util_min, Number{k_word}),
                          sparse_field("util_max", &Owner::util_max, Number{k_word}));
    }
};

template <>
struct FieldsOf<MemoryRange> {
    static constexpr auto table() {
        return std::tuple(field("start", &MemoryRange::start, Number{}), field("end", &MemoryRange::end, Number{}));
    }
};

template <>
struct FieldsOf<PosixLock> {
    static constexpr auto table() {
        using Owner = PosixLock;
        return std::tuple(field("fd", &Owner::fd, Number{}), field("exclusive", &Owner::exclusive, Plain{}),
                          field("start", &Owner::start, Number{}), field("length", &Owner::length, Number{}));
    }
};

template <>
struct FieldsOf<ProcessAttributes> {
    static constexpr auto table() {
        using Owner = ProcessAttributes;
        return std::tuple(
            field("pid", &Owner::pid, Pid{}), optional_field("coredump_filter", &Owner::coredump_filter, Number{}),
            sparse_field("oom_score_adj", &Owner::oom_score_adj, Signed{}),
            optional_field("autogroup_nice", &Owner::autogroup_nice, Signed{}),
            sparse_field("personality", &Owner::personality, Number{}),
            field("limits", &Owner::limits, ListOf<Number>{}), field("threads", &Owner::threads, ListOf<Record>{}),
            sparse_field("locked_on_fault", &Owner::locked_on_fault, ListOf<Record>{}),
            sparse_field("exclusive_terminals", &Owner::exclusive_terminals, ListOf<Number>{}),
            sparse_field("hung_up_masters", &Owner::hung_up_masters, ListOf<Number>{}),
            sparse_field("posix_locks", &Owner::posix_locks, ListOf<Record>{}));
    }
};

struct Bytes {
    [[nodiscard]] Json write(const std::string& bytes) const { return to_hexadecimal(bytes); }
    void read(const Json& json, std::string& bytes) const { bytes = from_hexadecimal(json.get<std::string>()); }
};

template <>
struct FieldsOf<SocketOption> {
    static constexpr auto table() {
        return std::tuple(field("name", &SocketOption::name, Plain{}), field("value", &SocketOption::value, Bytes{}));
    }
};

template <>
struct FieldsOf<GroupMembership> {
    static constexpr auto table() {
        using Owner = GroupMembership;
        return std::tuple(field("device", &Owner::device, Plain{}), field("group", &Owner::group, Plain{}),
                          sparse_field("only_sources", &Owner::only_sources, Plain{}),
                          sparse_field("sources", &Owner::sources, Plain{}));
    }
};

template <>
struct FieldsOf<SocketOptions> {
    static constexpr auto table() {
        using Owner = SocketOptions;
        return std::tuple(field("pid", &Owner::pid, Pid{}), field("fd", &Owner::fd, Number{}),
                          sparse_field("options", &Owner::options, ListOf<Record>{}),
                          sparse_field("groups", &Owner::groups, ListOf<Record>{}));
    }
};

inline constexpr auto k_mount_source_names = name_table<MountSource>(
    {{MountSource::host, "host"}, {MountSource::volume, "volume"}, {MountSource::engine, "engine"}});

template <>
struct FieldsOf<ContainerMount> {
    static constexpr auto table() {
        using Owner = ContainerMount;
        return std::tuple(field("destination", &Owner::destination, Plain{}),
                          field("kind", &Owner::kind, Named{k_mount_source_names, "kind of mount"}),
                          field("source", &Owner::source, Plain{}), field("is_folder", &Owner::is_folder, Plain{}),
                          field("read_only", &Owner::read_only, Plain{}),
                          sparse_field("content", &Owner::content, Plain{}));
    }
};

template <>
struct FieldsOf<ContainerNetwork> {
    static constexpr auto table() {
        using Owner = ContainerNetwork;
        return std::tuple(field("name", &Owner::name, Plain{}), sparse_field("address", &Owner::address, Plain{}),
                          sparse_field("hardware_address", &Owner::hardware_address, Plain{}));
    }
};

template <>
struct FieldsOf<ContainerRecord> {
    static constexpr auto table() {
        using Owner = ContainerRecord;
        return std::tuple(
            field("engine", &Owner::engine, Plain{}), sparse_field("engine_version", &Owner::engine_version, Plain{}),
            sparse_field("runtime", &Owner::runtime, Plain{}), field("id", &Owner::id, Plain{}),
            field("name", &Owner::name, Plain{}), sparse_field("image", &Owner::image, Plain{}),
            sparse_field("image_id", &Owner::image_id, Plain{}),
            sparse_field("restart_policy", &Owner::restart_policy, Plain{}),
            sparse_field("removed_at_end", &Owner::removed_at_end, Plain{}),
            sparse_field("has_terminal", &Owner::has_terminal, Plain{}),
            field("mounts", &Owner::mounts, ListOf<Record>{}), field("networks", &Owner::networks, ListOf<Record>{}),
            sparse_field("left_out", &Owner::left_out, Plain{}));
    }
};

// What a listing needs comes first (checkpoint_summary.hpp), what may be long last.
template <>
struct FieldsOf<Manifest> {
    static constexpr auto table() {
        using Owner = Manifest;
        return std::tuple(
            sparse_field("required_features", &Owner::required_features, Plain{}),
            sparse_field("cannot_be_restored", &Owner::cannot_be_restored, Plain{}),
            field("created", &Owner::created, Plain{}), field("name", &Owner::name, Plain{}),
            sparse_field("label", &Owner::label, Plain{}), sparse_field("note", &Owner::note, Plain{}),
            field("leave_running", &Owner::leave_running, Plain{}),
            optional_field("container", &Owner::container, Record{}),
            field("cedana_version", &Owner::cedana_version, Plain{}),
            field("criu_version", &Owner::criu_version, Plain{}), field("host", &Owner::host, Record{}),
            field("criu_options", &Owner::criu_options, Record{}), field("tree", &Owner::tree, ListOf<Record>{}),
            field("connections", &Owner::connections, ListOf<Record>{}, Presence::later),
            field("external_pipes", &Owner::external_pipes, ListOf<Record>{}, Presence::later),
            optional_field("external_terminals", &Owner::external_terminals, ListOf<Record>{}),
            sparse_field("journal_streams", &Owner::journal_streams, ListOf<Record>{}),
            field("own_terminals", &Owner::own_terminals,
                  ListOf<Number>{{static_cast<std::uint64_t>(std::numeric_limits<int>::max())}}, Presence::later),
            sparse_field("own_mounts", &Owner::own_mounts, Plain{}),
            sparse_field("entered_namespaces", &Owner::entered_namespaces, Plain{}),
            sparse_field("systemd_unit", &Owner::systemd_unit, Plain{}),
            sparse_field("outside_files", &Owner::outside_files, ListOf<Record>{}),
            sparse_field("unit_entries", &Owner::unit_entries, ListOf<Record>{}),
            sparse_field("link_remaps", &Owner::link_remaps, ListOf<Record>{}),
            sparse_field("network_lock_table", &Owner::network_lock_table, Plain{}),
            field("required_files", &Owner::required_files, ListOf<Record>{}, Presence::later),
            sparse_field("attributes", &Owner::attributes, ListOf<Record>{}),
            sparse_field("socket_options", &Owner::socket_options, ListOf<Record>{}),
            sparse_field("sandbox_lost", &Owner::sandbox_lost, Plain{}), field("images", &Owner::images, Number{}),
            field("bytes_images", &Owner::bytes_images, Number{}), field("digests", &Owner::digests, Plain{}),
            field("timings", &Owner::timings, Plain{}),
            optional_field("frozen_seconds", &Owner::frozen_seconds, Plain{}),
            field("files", &Owner::files, ListOf<Record>{}, Presence::later),
            sparse_field("superseded_files", &Owner::superseded_files, Plain{}),
            sparse_field("places", &Owner::places, ListOf<Record>{}), optional_field("watch", &Owner::watch, Record{}),
            optional_field("facts", &Owner::facts, Record{}));
    }
};

} // namespace cedana
