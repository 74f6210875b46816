// SPDX-License-Identifier: Apache-2.0
#include "cedana/roles/file_reader.hpp"

#include "cedana/base/checksums.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/kernel_wait.hpp"
#include "cedana/base/text.hpp"
#include "cedana/base/time_text.hpp"
#include "cedana/base/unix_socket.hpp"
#include "cedana/files/private_copy.hpp"
#include "cedana/files/sparse_copy.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <spdlog/fmt/fmt.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace cedana::roles {

namespace {

using Json = nlohmann::json;

constexpr std::size_t k_piece_bytes = 1024UL * 1024;
// An order, with a path in it, and an answer.
constexpr std::size_t k_longest_message = 16UL * 1024;
// Between two signs that something moves.
constexpr auto k_sign_every = std::chrono::milliseconds(500);

constexpr char k_moves = 'm';
constexpr char k_done = 'd';
constexpr char k_failed = 'f';

enum class Order { open, drop, copy, clone, digest, digest_of_blocks, read };

struct ReaderPlan {
    int orders = -1;
    int piece = -1;
    std::string folder = {};
    std::uint64_t memory = 0;
    NLOHMANN_DEFINE_TYPE_INTRUSIVE(ReaderPlan, orders, piece, folder, memory)
};

std::string packed(const Json& json) {
    std::string bytes;
    Json::to_cbor(json, bytes);
    return bytes;
}

std::string bytes_of(const struct ::stat& info) { return {reinterpret_cast<const char*>(&info), sizeof info}; }

UniqueFd open_by_name(const std::string& path) {
    constexpr int k_how = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    UniqueFd fd(::open(path.c_str(), k_how | O_NOATIME));
    if (!fd && errno == EPERM)
        fd = UniqueFd(::open(path.c_str(), k_how));
    return fd;
}

UniqueFd open_of_holder(pid_t holder, int descriptor) {
    const auto process = open_pidfd(holder);
    if (!process) {
        errno = ESRCH;
        return {};
    }
    // Linux 5.6; its number is that of every architecture.
    constexpr long k_pidfd_getfd = 438;
    return UniqueFd(static_cast<int>(::syscall(k_pidfd_getfd, process->get(), descriptor, 0)));
}

struct OpenOne {
    UniqueFd fd;
    std::string path;
    FilePosition position = FilePosition::own;
};

// What the role does, one order after the other.
class Reading {
  public:
    explicit Reading(const ReaderPlan& plan)
        : orders_(plan.orders), piece_(UniqueFd(plan.piece)), space_(plan.folder, plan.memory) {}

    int run() {
        std::vector<char> message(k_longest_message);
        while (true) {
            const ssize_t count = ::recv(orders_.get(), message.data(), message.size(), 0);
            if (count < 0 && errno == EINTR)
                continue;
            if (count <= 0)
                return 0;
            answer(Json::from_cbor(std::string(message.data(), static_cast<std::size_t>(count))));
        }
    }

  private:
    void answer(const Json& order) {
        UniqueFd passed;
        try {
            const std::string result = carry_out(order, passed);
            send(k_done, result, passed.get());
        } catch (const Error& error) {
            send(k_failed, packed({static_cast<int>(error.fault()), error.message()}), -1);
        }
    }

    void send(char kind, const std::string& text, int passed) const {
        while (send_with_fd(orders_.get(), kind + text, passed) < 0 && errno == EINTR) {}
    }

    std::string carry_out(const Json& order, UniqueFd& passed) {
        const auto number = order.at("number").get<std::uint64_t>();
        const auto size = order.at("size").get<std::uint64_t>();
        const auto bound = order.at("bound").get<std::uint64_t>();
        switch (order.at("order").get<Order>()) {
        case Order::open:
            return open(number, order);
        case Order::drop:
            open_.erase(number);
            return {};
        case Order::copy: {
            const OpenOne& file = open_.at(number);
            passed = space_.copy(file.fd.get(), file.path, size, file.position, [this] { moved(); });
            return {};
        }
        case Order::clone:
            passed = clone_file(open_.at(number).fd.get(), open_.at(number).path);
            return {};
        case Order::digest:
            return digest(open_.at(number), size, bound);
        case Order::digest_of_blocks: {
            const OpenOne& file = open_.at(number);
            const SparseFile sparse{
                .fd = file.fd.get(), .position = file.position, .path = file.path, .size = size, .bound = bound};
            return blocks_digest(sparse, [this] { moved(); }).value_or("");
        }
        case Order::read:
            break;
        }
        const std::size_t count =
            read_at(open_.at(number).fd.get(), bound, piece_.bytes().first(size), open_.at(number).path);
        return std::to_string(count);
    }

    std::string open(std::uint64_t number, const Json& order) {
        const auto path = order.at("path").get<std::string>();
        const int descriptor = order.at("descriptor").get<int>();
        OpenOne file{.fd = descriptor < 0 ? open_by_name(path) : open_of_holder(order.at("holder"), descriptor),
                     .path = path,
                     .position = descriptor < 0 ? FilePosition::own : FilePosition::shared};
        struct ::stat info {};
        if (!file.fd || ::fstat(file.fd.get(), &info) != 0)
            return std::to_string(errno);
        open_.insert_or_assign(number, std::move(file));
        return bytes_of(info);
    }

    std::string digest(const OpenOne& file, std::uint64_t size, std::uint64_t bound) {
        Sha256Stream digest;
        if (size > bound)
            return {};
        for (std::uint64_t done = 0; done < size;) {
            const auto part = piece_.bytes().first(std::min<std::uint64_t>(piece_.bytes().size(), size - done));
            const std::size_t count = read_at(file.fd.get(), done, part, file.path);
            if (count == 0)
                return {};
            digest.add(part.first(count));
            done += count;
            moved();
        }
        return hex(digest.finish());
    }

    void moved() {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_sign_)
            return;
        next_sign_ = now + k_sign_every;
        send(k_moves, {}, -1);
    }

    UniqueFd orders_;
    SharedBytes piece_;
    CopySpace space_;
    std::map<std::uint64_t, OpenOne> open_;
    std::chrono::steady_clock::time_point next_sign_;
};

int run_reader(const Json& plan) { return Reading(plan.get<ReaderPlan>()).run(); }

} // namespace

SharedBytes::SharedBytes(UniqueFd file) : file_(std::move(file)) {
    if (!file_)
        file_ = UniqueFd(::memfd_create("cedana-piece", MFD_CLOEXEC));
    if (!file_ || ::ftruncate(file_.get(), k_piece_bytes) != 0)
        throw OsFailure(Fault::environment).error("cannot make memory for a reader of files");
    void* const begin = ::mmap(nullptr, k_piece_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    if (begin == MAP_FAILED)
        throw OsFailure(Fault::environment).error("cannot map memory for a reader of files");
    bytes_ = {static_cast<std::byte*>(begin), k_piece_bytes};
}

SharedBytes::~SharedBytes() { ::munmap(bytes_.data(), bytes_.size()); }

struct FileReader::Wanted {
    Order order = Order::open;
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    std::uint64_t bound = 0;
    FileName name = {};
};

FileReader::FileReader(const Rules& rules) : limit_(rules.limit) {
    auto [here, there] = make_socket_pair(SOCK_SEQPACKET);
    // It must outlive a Ctrl-C, which is for the command.
    SpawnRequest request{.argv = {}, .session = Session::own, .grace = std::chrono::milliseconds(0)};
    ReaderPlan plan{.folder = rules.folder.string(), .memory = rules.memory};
    plan.orders = pass(request, there);
    plan.piece = pass(request, piece_.file());
    child_ = start_role(reader().name, plan, std::move(request));
    socket_ = std::move(here);
}

FileReader::~FileReader() {
    constexpr auto k_end = std::chrono::milliseconds(500);
    // Not only closed: a thread may have descriptors of its own (archive/image_writer.cpp).
    ::shutdown(socket_.get(), SHUT_RDWR);
    try {
        if (!child_->wait_for(k_end)) {
            child_->signal(SIGKILL);
            if (!child_->wait_for(k_end))
                child_->detach();
        }
    } catch (const std::exception&) {
        child_->detach();
    }
}

Error FileReader::stands_still() const {
    Error error(Fault::storage,
                fmt::format("{} has not answered for {} while the tree stood still", printable(path_.string()),
                            human_seconds(std::chrono::duration<double>(limit_).count())));
    error.cause(hung_threads(child_->pid()));
    error.hint("find out why its file system does not answer (one of FUSE: is its server alive?), or leave the content "
               "of open files out of the checkpoint: CEDANA_FILES_CAPTURE=none");
    return error;
}

std::string FileReader::ask(const Wanted& wanted, const Interrupt& interrupt, UniqueFd* passed) {
    const std::string order = packed({{"order", wanted.order},
                                      {"number", wanted.number},
                                      {"size", wanted.size},
                                      {"bound", wanted.bound},
                                      {"path", wanted.name.path.string()},
                                      {"holder", wanted.name.holder},
                                      {"descriptor", wanted.name.descriptor}});
    path_ = paths_[wanted.number];
    if (::send(socket_.get(), order.data(), order.size(), MSG_NOSIGNAL) < 0)
        throw OsFailure(Fault::internal).error("the reader of files has ended");
    std::vector<char> message(k_longest_message);
    while (true) {
        std::array<pollfd, 2> set = {{{socket_.get(), POLLIN, 0}, {interrupt.fd(), POLLIN, 0}}};
        const int ready = ::poll(set.data(), set.size(), limit_.count() == 0 ? -1 : static_cast<int>(limit_.count()));
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            throw stands_still();
        interrupt.throw_if_pending();
        if (set[0].revents == 0)
            continue;
        UniqueFd received;
        const ssize_t count = receive_with_fd(socket_.get(), message, received, 0);
        if (count <= 0)
            throw Error(Fault::internal,
                        fmt::format("the reader of files ended while it read {}", printable(path_.string())));
        std::string text(message.data() + 1, static_cast<std::size_t>(count) - 1);
        if (message[0] == k_moves)
            continue;
        if (message[0] == k_failed) {
            const Json failure = Json::from_cbor(text);
            throw Error(failure.at(0).get<Fault>(), failure.at(1).get<std::string>());
        }
        if (passed != nullptr)
            *passed = std::move(received);
        return text;
    }
}

std::optional<struct ::stat> FileReader::open(std::uint64_t number, const FileName& name, int& error,
                                              const Interrupt& interrupt) {
    paths_[number] = name.path;
    const std::string answer = ask({.order = Order::open, .number = number, .name = name}, interrupt);
    struct ::stat info {};
    if (answer.size() == sizeof info) {
        std::memcpy(&info, answer.data(), sizeof info);
        return info;
    }
    std::int64_t failure = EIO;
    static_cast<void>(parse_number(answer, failure));
    error = static_cast<int>(failure);
    return std::nullopt;
}

void FileReader::drop(std::uint64_t number, const Interrupt& interrupt) {
    static_cast<void>(ask({.order = Order::drop, .number = number}, interrupt));
    paths_.erase(number);
}

UniqueFd FileReader::copy(std::uint64_t number, std::uint64_t size, const Interrupt& interrupt) {
    UniqueFd copied;
    static_cast<void>(ask({.order = Order::copy, .number = number, .size = size}, interrupt, &copied));
    return copied;
}

UniqueFd FileReader::clone(std::uint64_t number, const Interrupt& interrupt) {
    UniqueFd cloned;
    static_cast<void>(ask({.order = Order::clone, .number = number}, interrupt, &cloned));
    return cloned;
}

std::string FileReader::digest(std::uint64_t number, std::uint64_t size, std::uint64_t bound,
                               const Interrupt& interrupt) {
    return ask({.order = Order::digest, .number = number, .size = size, .bound = bound}, interrupt);
}

std::string FileReader::digest_of_blocks(std::uint64_t number, std::uint64_t size, std::uint64_t bound,
                                         const Interrupt& interrupt) {
    return ask({.order = Order::digest_of_blocks, .number = number, .size = size, .bound = bound}, interrupt);
}

std::size_t FileReader::read(std::uint64_t number, std::uint64_t offset, std::span<std::byte> out,
                             const Interrupt& interrupt) {
    const std::size_t wanted = std::min(out.size(), piece_.bytes().size());
    const std::string answer =
        ask({.order = Order::read, .number = number, .size = wanted, .bound = offset}, interrupt);
    std::int64_t count = 0;
    static_cast<void>(parse_number(answer, count));
    std::ranges::copy(piece_.bytes().first(static_cast<std::size_t>(count)), out.begin());
    return static_cast<std::size_t>(count);
}

Role reader() {
    return {.name = "reader",
            .ignored_signals = {SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE},
            .orphans = Orphans::left,
            .run = run_reader};
}

} // namespace cedana::roles
