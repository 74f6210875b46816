// SPDX-License-Identifier: Apache-2.0
// A file system that can stop to answer: `hanging_files FOLDER OPERATION…` mounts one there (FUSE, spoken without its
// library), with one folder whose files lie in memory. It prints "ready". From the moment that it gets a SIGUSR1 it
// takes the requests of these kinds (read, write, fsync, getattr, open) and never answers them. SIGUSR2 ends it, and
// frees whoever waits.
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr std::uint64_t k_root = FUSE_ROOT_ID;
constexpr std::uint64_t k_long = 1'000'000;

struct File {
    std::string name;
    std::vector<char> content;
};

class Server {
  public:
    Server(int device, std::set<std::string> hanging) : device_(device), hanging_(std::move(hanging)) {}

    void hang() { hangs_ = true; }
    // False once it is unmounted.
    bool serve() {
        std::vector<char> buffer(1 << 20);
        const ssize_t count = ::read(device_, buffer.data(), buffer.size());
        if (count < 0)
            return errno == EINTR || errno == EAGAIN || errno == ENOENT;
        std::memcpy(&header_, buffer.data(), sizeof header_);
        body_.assign(buffer.data() + sizeof header_, static_cast<std::size_t>(count) - sizeof header_);
        if (!hangs_ || !hanging_.contains(kind()))
            answer();
        return true;
    }

  private:
    [[nodiscard]] std::string kind() const {
        switch (header_.opcode) {
        case FUSE_READ:
            return "read";
        case FUSE_WRITE:
            return "write";
        case FUSE_FSYNC:
            return "fsync";
        case FUSE_GETATTR:
            return "getattr";
        case FUSE_OPEN:
            return "open";
        default:
            return "";
        }
    }

    template <typename Part>
    [[nodiscard]] Part part() const {
        Part part{};
        std::memcpy(&part, body_.data(), std::min(sizeof part, body_.size()));
        return part;
    }

    void reply(int error, std::string_view data = {}) const {
        const fuse_out_header head{.len = static_cast<std::uint32_t>(sizeof(fuse_out_header) + data.size()),
                                   .error = -error,
                                   .unique = header_.unique};
        std::string message(reinterpret_cast<const char*>(&head), sizeof head);
        message += data;
        [[maybe_unused]] const ssize_t count = ::write(device_, message.data(), message.size());
    }
    template <typename Part>
    void reply_with(const Part& part) const {
        reply(0, {reinterpret_cast<const char*>(&part), sizeof part});
    }

    [[nodiscard]] fuse_attr attributes(std::uint64_t node) const {
        fuse_attr attr{};
        attr.ino = node;
        attr.mode = node == k_root ? S_IFDIR | 0755U : S_IFREG | 0600U;
        attr.nlink = 1;
        attr.blksize = 4096;
        if (node != k_root) {
            attr.size = files_.at(node).content.size();
            attr.blocks = (attr.size + 511) / 512;
        }
        return attr;
    }
    [[nodiscard]] fuse_entry_out entry(std::uint64_t node) const {
        fuse_entry_out out{};
        out.nodeid = node;
        // The kernel does not ask again, so that looks do not hang where only reads are to.
        out.entry_valid = out.attr_valid = k_long;
        out.attr = attributes(node);
        return out;
    }

    // What ends with a null byte there.
    [[nodiscard]] std::string name_at(std::size_t offset) const { return body_.c_str() + offset; }
    [[nodiscard]] std::uint64_t find(const std::string& name) const {
        for (const auto& [node, file] : files_)
            if (file.name == name)
                return node;
        return 0;
    }

    void answer() {
        switch (header_.opcode) {
        case FUSE_INIT: {
            fuse_init_out out{};
            out.major = FUSE_KERNEL_VERSION;
            out.minor = FUSE_KERNEL_MINOR_VERSION;
            out.max_write = 128 * 1024;
            return reply_with(out);
        }
        case FUSE_LOOKUP: {
            const std::uint64_t node = find(name_at(0));
            return node == 0 ? reply(ENOENT) : reply_with(entry(node));
        }
        case FUSE_GETATTR: {
            fuse_attr_out out{};
            out.attr_valid = k_long;
            out.attr = attributes(header_.nodeid);
            return reply_with(out);
        }
        case FUSE_SETATTR: {
            const auto in = part<fuse_setattr_in>();
            if ((in.valid & FATTR_SIZE) != 0)
                files_.at(header_.nodeid).content.resize(in.size);
            fuse_attr_out out{};
            out.attr_valid = k_long;
            out.attr = attributes(header_.nodeid);
            return reply_with(out);
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR: {
            fuse_open_out out{};
            // Nothing is read from memory.
            out.open_flags = FOPEN_DIRECT_IO;
            return reply_with(out);
        }
        case FUSE_CREATE: {
            const std::uint64_t node = ++last_;
            files_[node].name = name_at(sizeof(fuse_create_in));
            struct {
                fuse_entry_out entry;
                fuse_open_out open;
            } out{};
            out.entry = entry(node);
            out.open.open_flags = FOPEN_DIRECT_IO;
            return reply_with(out);
        }
        case FUSE_READ: {
            const auto in = part<fuse_read_in>();
            const std::vector<char>& content = files_.at(header_.nodeid).content;
            const std::size_t from = std::min<std::size_t>(in.offset, content.size());
            return reply(0, {content.data() + from, std::min<std::size_t>(in.size, content.size() - from)});
        }
        case FUSE_WRITE: {
            const auto in = part<fuse_write_in>();
            std::vector<char>& content = files_.at(header_.nodeid).content;
            content.resize(std::max<std::size_t>(content.size(), in.offset + in.size));
            std::memcpy(content.data() + in.offset, body_.data() + sizeof in, in.size);
            fuse_write_out out{};
            out.size = in.size;
            return reply_with(out);
        }
        case FUSE_UNLINK:
            files_.erase(find(name_at(0)));
            return reply(0);
        case FUSE_RENAME2:
        case FUSE_RENAME: {
            const std::size_t skipped =
                header_.opcode == FUSE_RENAME ? sizeof(fuse_rename_in) : sizeof(fuse_rename2_in);
            const std::string from = name_at(skipped);
            files_.at(find(from)).name = name_at(skipped + from.size() + 1);
            return reply(0);
        }
        case FUSE_STATFS: {
            fuse_statfs_out out{};
            out.st.bsize = out.st.frsize = 4096;
            out.st.blocks = out.st.bfree = out.st.bavail = k_long;
            out.st.namelen = 255;
            return reply_with(out);
        }
        case FUSE_FLUSH:
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR:
        case FUSE_FSYNC:
        case FUSE_FSYNCDIR:
        case FUSE_READDIR:
            return reply(0);
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
            return;
        default:
            return reply(ENOSYS);
        }
    }

    int device_;
    std::set<std::string> hanging_;
    bool hangs_ = false;
    std::uint64_t last_ = k_root;
    std::map<std::uint64_t, File> files_;
    fuse_in_header header_{};
    std::string body_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc < 2)
        return 2;
    const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
    const std::string options = "fd=" + std::to_string(device) + ",rootmode=40000,user_id=0,group_id=0,allow_other";
    if (device < 0 || ::mount("hanging", argv[1], "fuse", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
        std::printf("cannot mount: %s\n", std::strerror(errno));
        return 1;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGUSR1);
    sigaddset(&signals, SIGUSR2);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    const int told = ::signalfd(-1, &signals, SFD_CLOEXEC);
    Server server(device, {argv + 2, argv + argc});
    std::printf("ready\n");
    std::fflush(stdout);
    while (true) {
        std::array<pollfd, 2> set = {{{device, POLLIN, 0}, {told, POLLIN, 0}}};
        if (::poll(set.data(), set.size(), -1) < 0)
            continue;
        if (set[1].revents != 0) {
            signalfd_siginfo info{};
            if (::read(told, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR2)
                break;
            server.hang();
        }
        if (set[0].revents != 0 && !server.serve())
            break;
    }
    // Before it is closed, which ends what waits.
    ::umount2(argv[1], MNT_DETACH);
}
