// SPDX-License-Identifier: Apache-2.0
// A disk that fails, for a program that is started with this library in LD_PRELOAD: calls that change what is under
// some folders are counted, and one of them fails.
//
//   FAILING_UNDER   the folders, with : between them
//   FAILING_CALL    "NUMBER ERRNO HOW": the call of this number fails, counted from 1. HOW: once; on: and so does every
//                   later one that needs room (a disk that is full stays full); done: the call is made, and fails all
//                   the same (a file server's answer was lost). A call that makes or opens something is not made then.
//   FAILING_LACKS   "links": their file system has no hard links, and no files without a name (as FAT)
//   FAILING_ONLY    the name of the calls that are counted; without it all but readdir, of which there are many
//   FAILING_TOLD    a file that gets a line for each counted call: "NUMBER NAME PATH", with " failed" behind it
//
// A program that this one starts is not affected unless it is given the same environment.
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

enum class Need { room, nothing };

struct Plan {
    long number = 0;
    int error = 0;
    std::string how = "once";
};

Plan read_plan() {
    Plan plan;
    const char* const text = std::getenv("FAILING_CALL");
    std::array<char, 8> how{};
    if (text != nullptr && std::sscanf(text, "%ld %d %7s", &plan.number, &plan.error, how.data()) == 3)
        plan.how = how.data();
    return plan;
}

// Made at the first call, which may come before this library's own initialisation.
const Plan& plan() {
    static const Plan read = read_plan();
    return read;
}

bool is_under(std::string_view path) {
    const char* const folders = std::getenv("FAILING_UNDER");
    std::string_view rest = folders != nullptr ? folders : "";
    while (!rest.empty()) {
        const std::string_view folder = rest.substr(0, rest.find(':'));
        if (path.starts_with(folder))
            return true;
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
    }
    return false;
}

// Told by the file system, and no call that fails: not counted.
bool lacks_links(const std::string& path) {
    const char* const lacks = std::getenv("FAILING_LACKS");
    return lacks != nullptr && std::string_view(lacks) == "links" && is_under(path);
}

int refused(int error) {
    errno = error;
    return -1;
}

bool is_counted(std::string_view name) {
    static const char* const only = std::getenv("FAILING_ONLY");
    return only != nullptr ? name == only : name != "readdir";
}

std::string path_of(int fd) {
    std::array<char, 4096> target{};
    const ssize_t length =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target.data(), target.size() - 1);
    return length > 0 ? std::string(target.data(), static_cast<std::size_t>(length)) : std::string();
}

std::string path_at(int folder, const char* name) {
    if (name[0] == '/' || folder == AT_FDCWD)
        return name;
    return path_of(folder) + "/" + name;
}

void tell(long number, const char* name, const std::string& path, bool fails) {
    static const char* const file = std::getenv("FAILING_TOLD");
    if (file == nullptr)
        return;
    const std::string line = std::to_string(number) + " " + name + " " + path + (fails ? " failed\n" : "\n");
    // Not by the calls that are counted.
    const long fd = ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::syscall(SYS_write, fd, line.data(), line.size());
    ::syscall(SYS_close, fd);
}

bool fails(const char* name, const std::string& path, Need need) {
    static std::atomic<long> count = 0;
    const int before = errno;
    if (!is_counted(name) || !is_under(path))
        return false;
    const long number = ++count;
    const bool now = plan().number != 0 &&
                     (number == plan().number || (plan().how == "on" && need == Need::room && number > plan().number));
    tell(number, name, path, now);
    errno = now ? plan().error : before;
    return now;
}

// For a call that failed: makes it all the same if it is to be done.
template <typename Call>
int failed(Call&& call) {
    if (plan().how == "done") {
        const int error = errno;
        static_cast<void>(call());
        errno = error;
    }
    return -1;
}

template <typename Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

bool is_nameless(int flags) { return (flags & O_TMPFILE) == O_TMPFILE; }
bool makes(int flags) { return (flags & O_CREAT) != 0 || is_nameless(flags); }

mode_t mode_of(int flags, std::va_list arguments) {
    return makes(flags) ? static_cast<mode_t>(va_arg(arguments, int)) : 0;
}

} // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
    const auto call = [&] { return next<decltype(write)>("write")(fd, data, size); };
    if (fails("write", path_of(fd), Need::room))
        return failed(call);
    return call();
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t offset) {
    const auto call = [&] { return next<decltype(pwrite)>("pwrite")(fd, data, size, offset); };
    if (fails("pwrite", path_of(fd), Need::room))
        return failed(call);
    return call();
}

ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int flags) {
    const auto call = [&] { return next<decltype(pwritev2)>("pwritev2")(fd, parts, count, offset, flags); };
    if (fails("pwritev2", path_of(fd), Need::room))
        return failed(call);
    return call();
}

int ftruncate(int fd, off_t size) noexcept {
    const auto call = [&] { return next<int(int, off_t)>("ftruncate")(fd, size); };
    if (fails("ftruncate", path_of(fd), Need::nothing))
        return failed(call);
    return call();
}

int fsync(int fd) {
    const auto call = [&] { return next<decltype(fsync)>("fsync")(fd); };
    if (fails("fsync", path_of(fd), Need::room))
        return failed(call);
    return call();
}

int syncfs(int fd) noexcept {
    const auto call = [&] { return next<int(int)>("syncfs")(fd); };
    if (fails("syncfs", path_of(fd), Need::room))
        return failed(call);
    return call();
}

int sync_file_range(int fd, off_t offset, off_t size, unsigned flags) {
    const auto call = [&] { return next<decltype(sync_file_range)>("sync_file_range")(fd, offset, size, flags); };
    if (fails("sync_file_range", path_of(fd), Need::room))
        return failed(call);
    return call();
}

int close(int fd) {
    // The descriptor is closed all the same (close(2)).
    const bool failed = fails("close", path_of(fd), Need::nothing);
    const int error = errno;
    const int result = next<decltype(close)>("close")(fd);
    if (failed)
        errno = error;
    return failed ? -1 : result;
}

int open(const char* path, int flags, ...) {
    std::va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    if (is_nameless(flags) && lacks_links(path))
        return refused(EOPNOTSUPP);
    if (fails("open", path, makes(flags) ? Need::room : Need::nothing))
        return -1;
    return next<int(const char*, int, ...)>("open")(path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
    std::va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = mode_of(flags, arguments);
    va_end(arguments);
    if (is_nameless(flags) && lacks_links(path_at(folder, path)))
        return refused(EOPNOTSUPP);
    if (fails("openat", path_at(folder, path), makes(flags) ? Need::room : Need::nothing))
        return -1;
    return next<int(int, const char*, int, ...)>("openat")(folder, path, flags, mode);
}

int rename(const char* from, const char* to) noexcept {
    const auto call = [&] { return next<int(const char*, const char*)>("rename")(from, to); };
    if (fails("rename", to, Need::nothing))
        return failed(call);
    return call();
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
    // In place of what has the name, which takes no room.
    const auto call = [&] {
        return next<int(int, const char*, int, const char*)>("renameat")(from_folder, from, to_folder, to);
    };
    if (fails("renameat", path_at(to_folder, to), Need::nothing))
        return failed(call);
    return call();
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
    const auto call = [&] {
        return next<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from, to_folder, to,
                                                                                    flags);
    };
    if (fails("renameat2", path_at(to_folder, to), Need::room))
        return failed(call);
    return call();
}

int link(const char* from, const char* to) noexcept {
    const auto call = [&] { return next<int(const char*, const char*)>("link")(from, to); };
    if (lacks_links(to))
        return refused(EPERM);
    if (fails("link", to, Need::room))
        return failed(call);
    return call();
}

int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
    const auto call = [&] {
        return next<int(int, const char*, int, const char*, int)>("linkat")(from_folder, from, to_folder, to, flags);
    };
    if (lacks_links(path_at(to_folder, to)))
        return refused(EPERM);
    if (fails("linkat", path_at(to_folder, to), Need::room))
        return failed(call);
    return call();
}

int unlink(const char* path) noexcept {
    const auto call = [&] { return next<int(const char*)>("unlink")(path); };
    if (fails("unlink", path, Need::nothing))
        return failed(call);
    return call();
}

int unlinkat(int folder, const char* path, int flags) noexcept {
    const auto call = [&] { return next<int(int, const char*, int)>("unlinkat")(folder, path, flags); };
    if (fails("unlinkat", path_at(folder, path), Need::nothing))
        return failed(call);
    return call();
}

int fchmod(int fd, mode_t mode) noexcept {
    const auto call = [&] { return next<int(int, mode_t)>("fchmod")(fd, mode); };
    if (fails("fchmod", path_of(fd), Need::nothing))
        return failed(call);
    return call();
}

int fchown(int fd, uid_t user, gid_t group) noexcept {
    const auto call = [&] { return next<int(int, uid_t, gid_t)>("fchown")(fd, user, group); };
    if (fails("fchown", path_of(fd), Need::nothing))
        return failed(call);
    return call();
}

int futimens(int fd, const timespec times[2]) noexcept {
    const auto call = [&] { return next<int(int, const timespec*)>("futimens")(fd, times); };
    if (fails("futimens", path_of(fd), Need::nothing))
        return failed(call);
    return call();
}

ssize_t pread(int fd, void* data, size_t size, off_t offset) {
    if (fails("pread", path_of(fd), Need::nothing))
        return -1;
    return next<decltype(pread)>("pread")(fd, data, size, offset);
}

ssize_t read(int fd, void* data, size_t size) {
    if (fails("read", path_of(fd), Need::nothing))
        return -1;
    return next<decltype(read)>("read")(fd, data, size);
}

dirent* readdir(DIR* folder) {
    if (fails("readdir", path_of(::dirfd(folder)), Need::nothing))
        return nullptr;
    return next<decltype(readdir)>("readdir")(folder);
}

char* mkdtemp(char* name) noexcept {
    if (fails("mkdtemp", name, Need::room))
        return nullptr;
    return next<char*(char*)>("mkdtemp")(name);
}

} // extern "C"
