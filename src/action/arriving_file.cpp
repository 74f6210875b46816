// SPDX-License-Identifier: Apache-2.0
#include "cedana/action/arriving_file.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/file_reads.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/files/partial_file.hpp"
#include "cedana/files/private_copy.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string_view>
#include <utility>

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana {

namespace fs = std::filesystem;
using migration::Frame;
using migration::FrameType;

ArrivingFile::ArrivingFile(const fs::path& folder, const std::string& stem, std::uint64_t most)
    : path_(folder / partial_name(stem)), fd_(create_partial(path_)), most_(most) {
    if (!fd_)
        throw Error(Fault::storage, fmt::format("the name {} is taken", path_.string()));
}

ArrivingFile::~ArrivingFile() { ::unlink(path_.c_str()); }

void ArrivingFile::write(const migration::Data& data) const {
    if (data.offset + data.bytes.size() > most_)
        throw Error(Fault::connection,
                    fmt::format("the checkpoint has more than the {} that were announced", human_bytes(most_)));
    write_at(fd_.get(), data.offset, data.bytes);
}

void ArrivingFile::write_at(int fd, std::uint64_t offset, std::string_view bytes) const {
    auto at = static_cast<off_t>(offset);
    while (!bytes.empty()) {
        const ssize_t count = ::pwrite(fd, bytes.data(), bytes.size(), at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            throw OsFailure(Fault::storage).error("cannot write {}", path_.string());
        bytes.remove_prefix(static_cast<std::size_t>(count));
        at += count;
    }
}

void ArrivingFile::keep(const migration::Ahead& ahead) {
    if (kept_ + ahead.bytes.size() > most_)
        throw Error(Fault::connection, fmt::format("more than {} came ahead", human_bytes(most_)));
    if (!aside_)
        aside_ = spare_file(path_.parent_path());
    const ByteRange place{.from = kept_, .to = kept_ + ahead.bytes.size()};
    if (!places_.emplace(ahead.number, place).second)
        throw Error(Fault::connection, fmt::format("piece {} came ahead twice", ahead.number));
    write_at(aside_.get(), place.from, ahead.bytes);
    kept_ = place.to;
}

void ArrivingFile::repeat(const migration::Repeat& repeat) const {
    const auto place = places_.find(repeat.number);
    if (place == places_.end() || repeat.from + repeat.size > place->second.to - place->second.from)
        throw Error(Fault::connection, fmt::format("piece {} has not come ahead", repeat.number));
    std::string bytes(repeat.size, '\0');
    if (read_at(aside_.get(), place->second.from + repeat.from, std::as_writable_bytes(std::span(bytes)), path_) !=
        bytes.size())
        throw Error(Fault::storage, "what came ahead was cut");
    write({.offset = repeat.offset, .bytes = bytes});
}

void ArrivingFile::complete(std::uint64_t size) const {
    if (size > most_ || ::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0)
        throw Error(Fault::storage, fmt::format("cannot make {} as large as it is to be", path_.string()));
}

void ArrivingFile::reserve(std::uint64_t size) const {
    const auto length = static_cast<off_t>(size);
    while (length != 0 && ::fallocate(fd_.get(), 0, 0, length) != 0) {
        if (errno == EINTR)
            continue;
        if (errno != EOPNOTSUPP && errno != ENOSYS)
            throw OsFailure(Fault::storage).error("there is no room for {} in {}", human_bytes(size), path_.string());
        // Its file system promises nothing: what is free now is all that is known.
        struct ::stat info {};
        const std::uint64_t has = ::fstat(fd_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
        const std::uint64_t free = free_space(path_.parent_path());
        if (has + free < size)
            throw Error(Fault::storage, fmt::format("there is no room for {} in {}: {} are free", human_bytes(size),
                                                    path_.string(), human_bytes(free)));
        return;
    }
}

ArrivingPages::ArrivingPages(migration::Connection& source, const ArrivingFile& file, const fs::path& socket)
    : source_(source), file_(file), frames_(source.peer()), desk_(socket, [this](ByteRange bytes) { ask(bytes); }),
      thread_([this] { receive(); }) {}

ArrivingPages::~ArrivingPages() {
    must_end_ = true;
    end_.set();
    thread_.join();
}

void ArrivingPages::fail(const Error& error) noexcept {
    frames_.fail(error);
    desk_.fail();
}

void ArrivingPages::ask(ByteRange bytes) noexcept {
    try {
        while (bytes.from < bytes.to) {
            const std::uint64_t size = std::min<std::uint64_t>(bytes.to - bytes.from, migration::k_longest_piece);
            ++outstanding_;
            source_.send(FrameType::want, migration::write_want({.offset = bytes.from, .size = size}));
            bytes.from += size;
        }
    } catch (const Error& error) {
        fail(error);
    } catch (const std::exception& error) {
        fail(Error(Fault::internal, error.what()));
    }
}

void ArrivingPages::receive() noexcept {
    constexpr auto k_look_every = std::chrono::seconds(1);
    auto last = std::chrono::steady_clock::now();
    try {
        while (true) {
            if (source_.is_ready_within(k_look_every, end_.fd()))
                receive_one();
            else if (must_end_)
                return;
            else if (outstanding_ > 0 && std::chrono::steady_clock::now() - last < k_page_limit)
                continue;
            else if (outstanding_ > 0)
                throw Error(Fault::connection, fmt::format("the connection with {} is lost: none of its memory has "
                                                           "come for {} s",
                                                           source_.peer(), k_page_limit.count()));
            last = std::chrono::steady_clock::now();
        }
    } catch (const Error& error) {
        fail(error);
    } catch (const std::exception& error) {
        fail(Error(Fault::internal, error.what()));
    }
}

void ArrivingPages::receive_one() {
    // Of a frame that has begun to come.
    constexpr auto k_frame_limit = std::chrono::seconds(30);
    Frame frame = source_.receive(k_frame_limit, Interrupt::none());
    if (frame.type != FrameType::data)
        return frames_.push(std::move(frame));
    const migration::Data data = migration::parse_data(frame.payload);
    file_.write(data);
    --outstanding_;
    frames_.stirred();
    desk_.came({.from = data.offset, .to = data.offset + data.bytes.size()});
}

} // namespace cedana
