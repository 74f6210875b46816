// SPDX-License-Identifier: Apache-2.0
// Stands in for CRIU: speaks its command line and its image-streamer protocol as cedana sees them (without --stream a
// dump writes its images as files), touches no process
// but to kill the tree after a dump, and fails on request. It is reached as DIR/criu, and DIR is where it is told what
// to do and tells what it did, since cedana gives it a clean environment:
//
//   DIR/criu.plan       what to do, a line each:
//     answer TEXT           what --version prints, instead of "Version: 4.2"
//     image NAME SIZE       an image that a dump sends and a restore asks for, in this order
//     log TEXT              a line of the log
//     child-ends CODE       the process that a restore starts ends at once, with this code
//     at STAGE ACTION       instead of going on. Stages of a dump: start, mid-image (half of the first image is sent),
//                           images (all are sent), post-dump (the action script has said yes); of a restore: start,
//                           images (all are read), restored (its process runs).
//                           Actions: fail (ends with 1), die (SIGKILL), die-with-tree, stay (until it is cancelled),
//                           succeed (ends with 0 as if all had been done)
//   DIR/criu.argv       its arguments, a line for each run
//   DIR/criu.at-STAGE   appears when a stage is reached
//   DIR/criu.cancelled  appears when cedana has closed the pipe of an image, or left no room for it as a file
//   DIR/criu.child      the pid of the process that a restore started
//   DIR/criu.got        of a restore: a line for each descriptor that it was given by --inherit-fd, "ID reads TEXT"
//   with
//                       all that can be read from it, or "ID written", after it wrote "from ID" to it; and "terminal"
//                       if its standard input is the terminal of its session, to which it wrote "on the terminal"
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

// Whatever a test does, nothing of it is left behind for longer.
constexpr unsigned k_life_seconds = 120;

struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[noreturn]] void fail(const std::string& what) { throw Failure(what + ": " + std::strerror(errno)); }

struct Image {
    std::string name;
    std::size_t size = 0;
};

struct Plan {
    std::string answer = "Version: 4.2\n";
    std::vector<Image> images;
    std::vector<std::string> log;
    std::map<std::string, std::string> actions;
    int child_ends = -1;
};

Plan read_plan(const fs::path& path) {
    Plan plan;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line);
        std::string key;
        words >> key >> std::ws;
        if (key == "answer") {
            std::getline(words, plan.answer);
        } else if (key == "image") {
            Image image;
            words >> image.name >> image.size;
            plan.images.push_back(image);
        } else if (key == "log") {
            std::getline(words, plan.log.emplace_back());
        } else if (key == "child-ends") {
            words >> plan.child_ends;
        } else if (key == "at") {
            std::string stage;
            words >> stage >> plan.actions[stage];
        } else if (!key.empty()) {
            throw Failure("the plan has an unknown line: " + line);
        }
    }
    return plan;
}

// The same for every run, different for every image, and nothing that a compressor can make smaller.
std::string content_of(const Image& image) {
    std::uint64_t state = 0x9E3779B97F4A7C15;
    for (const char c : image.name)
        state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3;
    std::string content(image.size, '\0');
    for (char& c : content) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        c = static_cast<char>(state >> 24);
    }
    return content;
}

void write_fully(int fd, const std::string& data) {
    for (std::size_t done = 0; done < data.size();) {
        const ssize_t count = ::write(fd, data.data() + done, data.size() - done);
        if (count < 0)
            fail("Can't write an image");
        done += static_cast<std::size_t>(count);
    }
}

std::string read_fully(int fd, std::size_t limit) {
    std::string data;
    std::array<char, 65536> buffer;
    while (data.size() < limit) {
        const ssize_t count = ::read(fd, buffer.data(), std::min(buffer.size(), limit - data.size()));
        if (count < 0)
            fail("Can't read");
        if (count == 0)
            break;
        data.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return data;
}

class StreamerClient {
  public:
    explicit StreamerClient(const fs::path& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
        if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail("Can't connect to the image streamer");
    }
    StreamerClient(const StreamerClient&) = delete;
    StreamerClient& operator=(const StreamerClient&) = delete;
    ~StreamerClient() { ::close(socket_); }

    // The write end of the image's pipe.
    [[nodiscard]] int begin_capture(const std::string& name) const {
        request(name);
        return pass_one_end(0, 1);
    }
    // The read end of the image's pipe.
    [[nodiscard]] int begin_serve(const std::string& name) const {
        request(name);
        // A length of 2, then field 1 as a varint.
        const std::string reply = read_fully(socket_, 6);
        if (reply.size() != 6 || reply.back() != 1)
            throw Failure("No image " + name);
        return pass_one_end(1, 0);
    }

  private:
    void request(const std::string& name) const {
        constexpr char k_field_1_bytes = 0x0A;
        const std::string body = std::string{k_field_1_bytes, static_cast<char>(name.size())} + name;
        const auto length = static_cast<std::uint32_t>(body.size());
        write_fully(socket_, std::string(reinterpret_cast<const char*>(&length), sizeof length) + body);
    }

    [[nodiscard]] int pass_one_end(std::size_t passed, std::size_t kept) const {
        std::array<int, 2> ends;
        if (::pipe2(ends.data(), O_CLOEXEC) != 0)
            fail("Can't make a pipe");
        char byte = 0;
        iovec part{.iov_base = &byte, .iov_len = 1};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &ends[passed], sizeof(int));
        if (::sendmsg(socket_, &message, 0) != 1)
            fail("Can't pass a pipe");
        ::close(ends[passed]);
        return ends[kept];
    }

    int socket_;
};

// Ends the run with this status, as if all had been done.
struct Ended {
    int status;
};

void kill_and_await(pid_t pid) {
    const int handle = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    ::kill(pid, SIGKILL);
    pollfd entry{.fd = handle, .events = POLLIN, .revents = 0};
    ::poll(&entry, 1, -1);
}

// A child that lives on as an orphan, like a restored process. `ends`: with this code, at once; never if negative.
pid_t start_orphan(int ends) {
    const pid_t pid = ::fork();
    if (pid != 0)
        return pid;
    if (ends >= 0)
        ::_exit(ends);
    ::alarm(k_life_seconds);
    ::setsid();
    ::syscall(SYS_close_range, 0U, ~0U, 0U);
    while (true)
        ::pause();
}

class Run {
  public:
    Run(int argc, char** argv)
        : files_(argv[0]), arguments_(argv + 1, argv + argc), plan_(read_plan(file("plan"))),
          log_(fs::path(option("--work-dir")) / option("--log-file")) {}

    int run() {
        record_arguments();
        if (has("--version")) {
            std::cout << plan_.answer << std::endl;
            return 0;
        }
        if (arguments_.front() == "check")
            return 0;
        for (const std::string& line : plan_.log)
            log_ << line << std::endl;
        try {
            arguments_.front() == "restore" ? restore() : dump();
        } catch (const Ended& ended) {
            return ended.status;
        } catch (const Failure& failure) {
            log_ << "(00.100000) Error (fake_criu.cpp:1): " << failure.what() << std::endl;
            return 1;
        }
        return 0;
    }

  private:
    [[nodiscard]] fs::path file(const std::string& suffix) const { return files_.string() + "." + suffix; }
    void touch(const std::string& suffix, const std::string& text = "") const { std::ofstream(file(suffix)) << text; }

    [[nodiscard]] bool has(const std::string& name) const {
        return std::find(arguments_.begin(), arguments_.end(), name) != arguments_.end();
    }
    [[nodiscard]] std::string option(const std::string& name) const {
        const auto at = std::find(arguments_.begin(), arguments_.end(), name);
        return at == arguments_.end() || at + 1 == arguments_.end() ? "" : *(at + 1);
    }
    [[nodiscard]] pid_t tree() const { return std::atoi(option("--tree").c_str()); }

    void record_arguments() const {
        std::ofstream record(file("argv"), std::ios::app);
        for (const std::string& argument : arguments_)
            record << argument << ' ';
        record << std::endl;
    }

    // `image`: the pipe that a cancelling cedana closes, or the file for which it leaves no room.
    void reach(const std::string& stage, int image = -1) const {
        touch("at-" + stage);
        const auto planned = plan_.actions.find(stage);
        const std::string action = planned == plan_.actions.end() ? "" : planned->second;
        if (action == "fail")
            throw Ended{.status = 1};
        if (action == "succeed")
            throw Ended{.status = 0};
        if (action == "die-with-tree")
            kill_and_await(tree());
        if (action == "die" || action == "die-with-tree")
            ::kill(::getpid(), SIGKILL);
        if (action == "stay")
            stay(image);
    }

    void stay(int image) const {
        if (image >= 0 && !has("--stream"))
            write_until_refused(image);
        pollfd entry{.fd = image, .events = 0, .revents = 0};
        ::poll(&entry, 1, -1);
        touch("cancelled");
        throw Failure("Can't write an image: Broken pipe");
    }

    void write_until_refused(int file) const {
        constexpr int k_pause_ms = 5;
        const std::string page(4096, 'x');
        while (::write(file, page.data(), page.size()) == static_cast<ssize_t>(page.size()))
            ::poll(nullptr, 0, k_pause_ms);
        touch("cancelled");
        throw Failure("Can't write an image: No space left on device");
    }

    // "swrk": asked through a socket, to which it tells of its stages.
    void dump() const {
        if (tells_by_socket())
            require_request();
        else
            tell_of("pre-stream");
        tell_of("pre-dump");
        reach("start");
        if (has("--stream"))
            send_images();
        else
            write_images();
        reach("images");
        tell_of("post-dump");
        reach("post-dump");
        write_statistics();
        if (!has("--leave-running"))
            ::kill(tree(), SIGKILL);
    }

    void send_images() const {
        const StreamerClient streamer(fs::path(option("--images-dir")) / "streamer-capture.sock");
        for (const Image& image : plan_.images) {
            const std::string content = content_of(image);
            const int pipe = streamer.begin_capture(image.name);
            write_fully(pipe, content.substr(0, content.size() / 2));
            reach("mid-image", pipe);
            write_fully(pipe, content.substr(content.size() / 2));
            ::close(pipe);
        }
    }

    void write_images() const {
        for (const Image& image : plan_.images) {
            const std::string content = content_of(image);
            const fs::path path = fs::path(option("--images-dir")) / image.name;
            const int to = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
            if (to < 0)
                fail("Can't open an image");
            write_fully(to, content.substr(0, content.size() / 2));
            reach("mid-image", to);
            write_fully(to, content.substr(content.size() / 2));
            ::close(to);
        }
    }

    [[nodiscard]] bool tells_by_socket() const { return arguments_.front() == "swrk"; }
    [[nodiscard]] int socket() const { return std::atoi(arguments_.back().c_str()); }

    // {type: DUMP, opts: ...}
    void require_request() const {
        std::array<char, 256> request{};
        if (::recv(socket(), request.data(), request.size(), 0) <= 2 || request[0] != 0x08 || request[1] != 1)
            throw Failure("no request for a dump");
    }

    void tell_of(const std::string& stage) const {
        if (!tells_by_socket())
            return run_action_script(stage.c_str());
        // {type: NOTIFY, success: true, notify: {script: stage}}
        const std::string name = std::string("\x0A") + static_cast<char>(stage.size()) + stage;
        const std::string told = std::string("\x08\x06\x10\x01\x2A") + static_cast<char>(name.size()) + name;
        std::array<char, 16> answer{};
        if (::send(socket(), told.data(), told.size(), MSG_NOSIGNAL) < 0 ||
            ::recv(socket(), answer.data(), answer.size(), 0) != 4 || answer[3] != 1)
            throw Failure("RPC client reported script error");
    }

    void run_action_script(const char* stage) const {
        std::string script = option("--action-script");
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::setenv("CRTOOLS_SCRIPT_ACTION", stage, 1);
            std::array<char*, 2> argv = {script.data(), nullptr};
            ::execv(argv[0], argv.data());
            ::_exit(127);
        }
        int status = 0;
        ::waitpid(pid, &status, 0);
        if (status != 0)
            throw Failure("One of more action scripts failed");
    }

    // Magic numbers, a length, and {1: {1: 1000, 2: 250000}}: frozen for a quarter of a second.
    void write_statistics() const {
        const std::array<std::uint32_t, 3> header = {0x55105940, 0x57093306, 9};
        std::ofstream file(fs::path(option("--work-dir")) / "stats-dump", std::ios::binary);
        file.write(reinterpret_cast<const char*>(header.data()), sizeof header);
        file.write("\x0A\x07\x08\xE8\x07\x10\x90\xA1\x0F", 9);
    }

    void restore() const {
        reach("start");
        read_images();
        reach("images");
        use_descriptors();
        const pid_t child = start_orphan(plan_.child_ends);
        touch("child", std::to_string(child));
        reach("restored");
        if (has("--lazy-pages"))
            let_the_tree_go_on(child);
        std::ofstream(option("--pidfile")) << child;
    }

    void use_descriptors() const {
        std::ofstream got(file("got"));
        for (std::size_t i = 1; i < arguments_.size(); ++i)
            if (arguments_[i - 1] == "--inherit-fd")
                use_inherited(arguments_[i], got);
        if (::isatty(STDIN_FILENO) == 1 && ::tcgetsid(STDIN_FILENO) == ::getsid(0)) {
            write_fully(STDIN_FILENO, "on the terminal\n");
            got << "terminal" << std::endl;
        }
    }

    // "fd[10]:pipe:[300]"
    static void use_inherited(const std::string& argument, std::ofstream& got) {
        const int fd = std::atoi(argument.c_str() + 3);
        const std::string id = argument.substr(argument.find(':') + 1);
        if ((::fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY) {
            got << id << " reads " << read_fully(fd, 1 << 20) << std::endl;
        } else {
            write_fully(fd, "from " + id + "\n");
            got << id << " written" << std::endl;
        }
    }

    // As CRIU does with --lazy-pages (criu/uffd.c), for a tree without memory to come: a zombie.
    void let_the_tree_go_on(pid_t child) const {
        constexpr std::int32_t k_finished = 0x52535446;
        const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, (fs::path(option("--work-dir")) / "lazy-pages.socket").c_str(),
                     sizeof address.sun_path - 1);
        if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            fail("connect to lazy-pages.socket failed");
        for (const std::int32_t number : {-child, k_finished})
            write_fully(fd, std::string(reinterpret_cast<const char*>(&number), sizeof number));
        ::close(fd);
    }

    void read_images() const {
        const StreamerClient streamer(fs::path(option("--images-dir")) / "streamer-serve.sock");
        for (const Image& image : plan_.images) {
            const int pipe = streamer.begin_serve(image.name);
            if (read_fully(pipe, image.size + 1) != content_of(image))
                throw Failure("Image " + image.name + " is not what was dumped");
            ::close(pipe);
        }
    }

    fs::path files_;
    std::vector<std::string> arguments_;
    Plan plan_;
    mutable std::ofstream log_;
};

} // namespace

int main(int argc, char** argv) {
    ::alarm(k_life_seconds);
    // As CRIU does: a closed pipe is an error, and not the end.
    std::signal(SIGPIPE, SIG_IGN);
    return argc < 2 ? 2 : Run(argc, argv).run();
}
