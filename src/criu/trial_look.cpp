// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/trial_look.hpp"

#include "cedana/base/text.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <linux/major.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace cedana::criu {

namespace {

// Devices that give the same to everybody and keep nothing.
constexpr std::array<std::string_view, 5> k_plain_devices = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random",
                                                             "/dev/urandom"};
// include/net/tcp_states.h
constexpr std::uint64_t k_tcp_close = 7;
constexpr std::uint64_t k_tcp_listen = 10;
// criu/sk-unix.c
constexpr std::uint64_t k_unix_extern = 1;

// Of pseudo-terminals, which a trial has of its own.
bool is_pseudo_terminal(std::string_view path) {
    return path == "/dev/tty" || path == "/dev/ptmx" || path.starts_with("/dev/pts/");
}

bool is_made_up(std::string_view path) { return path.starts_with("/proc/") || path.starts_with("/sys/"); }

class Look {
  public:
    void take_files(std::string_view image) {
        for (ImageReader messages(image, ImageKind::files); !messages.at_end();)
            for (auto entry = fields_of<FileEntry>(messages.next()); entry.next();)
                take(entry);
        if (fifos_ > named_fifos_)
            refuse("it has a FIFO open");
    }

    // criu/files-reg.c: a deleted file is made again beside its old name, and one that has lost its name is moved back
    // from the one that the dump gave it. images/remap-file-path.proto; without a type it is a deleted one.
    void take_remaps(std::string_view image) {
        constexpr std::uint64_t k_linked = 0;
        constexpr std::uint64_t k_ghost = 1;
        for (ImageReader messages(image, ImageKind::remaps); !messages.at_end();) {
            const auto type =
                number_in(fields_of<RemapFilePathEntry>(messages.next()), RemapFilePathEntry::remap_type, k_ghost);
            if (type == k_linked)
                refuse("a file that it has open has lost its name (it is there as link_remap.N)");
            else if (type == k_ghost)
                refuse("it has a deleted file open or mapped");
        }
    }

    void take_locks(std::string_view image) {
        if (!ImageReader(image, ImageKind::file_locks).at_end())
            refuse("it holds a lock or a lease on a file");
    }

    // images/tty.proto
    void take_terminals(std::string_view image) {
        constexpr std::uint64_t k_pty = 1;
        constexpr std::uint64_t k_controlling = 4;
        for (ImageReader messages(image, ImageKind::terminals); !messages.at_end();) {
            const auto entry = fields_of<TtyInfoEntry>(messages.next());
            const auto type = number_in(entry, TtyInfoEntry::type, 0);
            // /dev/tty is that of the terminal, whichever way it was dumped (image_mends.hpp, with_dev_tty_named).
            const bool is_dev_tty = number_in(entry, TtyInfoEntry::rdev, 0) == ::makedev(TTYAUX_MAJOR, 0);
            if (type != k_pty && type != k_controlling && !is_dev_tty)
                refuse("it has a terminal open that is a device (a console or a serial line)");
        }
    }

    [[nodiscard]] TrialLook result() && {
        std::ranges::sort(look_.written, {}, &WrittenInTrial::path);
        const auto same = [](const WrittenInTrial& one, const WrittenInTrial& other) { return one.path == other.path; };
        look_.written.erase(std::unique(look_.written.begin(), look_.written.end(), same), look_.written.end());
        return std::move(look_);
    }

  private:
    void refuse(std::string reason) {
        if (std::ranges::find(look_.reasons, reason) == look_.reasons.end())
            look_.reasons.push_back(std::move(reason));
    }

    void take(protozero::pbf_message<FileEntry>& entry) {
        switch (entry.tag()) {
        case FileEntry::reg:
            return take_regular(bytes_of(entry));
        case FileEntry::isk:
            return take_inet(bytes_of(entry));
        case FileEntry::usk:
            return take_unix(bytes_of(entry));
        case FileEntry::fifo:
            ++fifos_;
            break;
        case FileEntry::psk:
            refuse("it has a packet socket open");
            break;
        case FileEntry::tunf:
            refuse("it has a network device of its own (TUN or TAP)");
            break;
        case FileEntry::ext:
            refuse("it has a device open that a plugin of criu restores");
            break;
        // One that is stopped would keep whoever opens what it watches waiting.
        case FileEntry::ffy:
            refuse("it watches files by fanotify");
            break;
        case FileEntry::bpf:
            refuse("it has a BPF map open");
            break;
        default:
            break;
        }
        entry.skip();
    }

    void take_regular(std::string_view message) {
        const auto file = fields_of<RegFileEntry>(message);
        const std::string path(bytes_in(file, RegFileEntry::name));
        const auto mode = static_cast<unsigned>(number_in(file, RegFileEntry::mode, S_IFREG));
        if (number_in(file, RegFileEntry::ext, 0) != 0)
            refuse(fmt::format("it has a file open that is outside of its file systems ({})", printable(path)));
        else if (S_ISFIFO(mode)) {
            ++named_fifos_;
            refuse(fmt::format("it has a FIFO open ({})", printable(path)));
        } else if (S_ISCHR(mode) || S_ISBLK(mode))
            take_device(path);
        else if (S_ISREG(mode) && !is_made_up(path))
            take_content(path, mode, file);
    }

    void take_device(const std::string& path) {
        if (std::ranges::find(k_plain_devices, path) == k_plain_devices.end() && !is_pseudo_terminal(path))
            refuse(fmt::format("it has a device open ({})", printable(path)));
    }

    void take_content(const std::string& path, unsigned mode, const protozero::pbf_message<RegFileEntry>& file) {
        if ((number_in(file, RegFileEntry::flags, O_RDONLY) & O_ACCMODE) == O_RDONLY)
            look_.read.push_back(path);
        else
            look_.written.push_back({.path = path, .size = number_in(file, RegFileEntry::size, 0), .mode = mode});
    }

    void take_inet(std::string_view message) {
        const auto socket = fields_of<InetSkEntry>(message);
        const auto state = number_in(socket, InetSkEntry::state, k_tcp_close);
        const bool is_stream = number_in(socket, InetSkEntry::type, SOCK_STREAM) == SOCK_STREAM;
        const bool is_connected = is_stream ? state != k_tcp_close && state != k_tcp_listen
                                            : number_in(socket, InetSkEntry::dst_port, 0) != 0;
        if (is_connected)
            refuse(fmt::format("it has a connection (from port {} to port {})",
                               number_in(socket, InetSkEntry::src_port, 0),
                               number_in(socket, InetSkEntry::dst_port, 0)));
        const std::string_view options = bytes_in(socket, InetSkEntry::opts);
        if (!bytes_in(socket, InetSkEntry::ifname).empty() ||
            !bytes_in(fields_of<SkOptsEntry>(options), SkOptsEntry::so_bound_dev).empty())
            refuse(fmt::format("it has a socket that is bound to a network device (port {})",
                               number_in(socket, InetSkEntry::src_port, 0)));
    }

    // A name that begins with a zero is one of the network namespace, not of a file system (unix(7)).
    void take_unix(std::string_view message) {
        const auto socket = fields_of<UnixSkEntry>(message);
        const std::string_view name = bytes_in(socket, UnixSkEntry::name);
        if ((number_in(socket, UnixSkEntry::uflags, 0) & k_unix_extern) != 0)
            refuse("it has a connection to a unix socket outside of it");
        else if (!name.empty() && name.front() != '\0')
            refuse(fmt::format("it has a unix socket in a folder ({})", printable(name.substr(0, name.find('\0')))));
    }

    TrialLook look_;
    unsigned fifos_ = 0;
    unsigned named_fifos_ = 0;
};

} // namespace

TrialLook look_for_trial(const TrialLookImages& images) {
    return parse_image([&] {
        Look look;
        if (!images.files.empty())
            look.take_files(images.files);
        if (!images.remaps.empty())
            look.take_remaps(images.remaps);
        if (!images.file_locks.empty())
            look.take_locks(images.file_locks);
        if (!images.terminals.empty())
            look.take_terminals(images.terminals);
        return std::move(look).result();
    });
}

bool has_huge_pages(std::string_view mm) {
    // mmap(2)
    constexpr std::uint64_t k_map_hugetlb = 0x40000;
    if (mm.empty())
        return false;
    return parse_image([&] {
        for (auto field = fields_of<MmEntry>(ImageReader(mm, ImageKind::mm).next()); field.next(MmEntry::vmas);)
            if ((number_in(fields_of<VmaEntry>(bytes_of(field)), VmaEntry::flags, 0) & k_map_hugetlb) != 0)
                return true;
        return false;
    });
}

} // namespace cedana::criu
