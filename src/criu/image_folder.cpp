// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/image_folder.hpp"

#include "cedana/base/error.hpp"
#include "cedana/base/files.hpp"
#include "cedana/base/text.hpp"
#include "cedana/model/image_bytes.hpp"

#include <algorithm>
#include <cerrno>
#include <exception>
#include <memory>

#include <spdlog/spdlog.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cedana::criu {

namespace {

// Below that a copy takes less time than a mapping.
constexpr std::size_t k_worth_mapping = 64UL * 1024;
constexpr const char* k_cannot_list = "cannot list the images that criu has written";

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

struct NumberedName {
    ino_t number = 0;
    std::string name;
};

} // namespace

ImageFolder::~ImageFolder() { unmap(); }

void ImageFolder::unmap() noexcept {
    for (const std::span<std::byte> mapping : mappings_)
        ::munmap(mapping.data(), mapping.size());
    mappings_.clear();
}

void ImageFolder::remove_images() noexcept {
    unmap();
    try {
        for (const std::string& name : names())
            ::unlinkat(folder_.fd(), name.c_str(), 0);
    } catch (const std::exception& error) {
        spdlog::debug("{}", error.what());
    }
}

// A tmpfs numbers its files in the order in which they are made.
std::vector<std::string> ImageFolder::names() const {
    UniqueFd listed(::openat(folder_.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, CloseFolder> folder(::fdopendir(listed.get()));
    if (!folder)
        throw OsFailure().error(k_cannot_list);
    static_cast<void>(listed.release());
    std::vector<NumberedName> found;
    while (true) {
        errno = 0;
        const dirent* const entry = ::readdir(folder.get());
        if (entry == nullptr && errno != 0)
            throw OsFailure().error(k_cannot_list);
        if (entry == nullptr)
            break;
        if (entry->d_name[0] != '.')
            found.push_back({.number = entry->d_ino, .name = entry->d_name});
    }
    std::ranges::sort(found, {}, &NumberedName::number);
    std::vector<std::string> names;
    for (NumberedName& one : found)
        names.push_back(std::move(one.name));
    return names;
}

std::span<const std::byte> ImageFolder::mapped(int file, std::size_t size, const std::string& name) {
    void* const start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (start == MAP_FAILED)
        throw OsFailure(Fault::environment).error("cannot map the image {}", printable(name));
    return mappings_.emplace_back(static_cast<std::byte*>(start), size);
}

// How large it is.
std::uint64_t ImageFolder::read_image(const std::string& name, ImageSink& sink, const Interrupt& interrupt) {
    const UniqueFd file(::openat(folder_.fd(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct ::stat info {};
    if (!file || ::fstat(file.get(), &info) != 0)
        throw OsFailure().error("cannot read the image {}", printable(name));
    const auto size = static_cast<std::size_t>(info.st_size);
    const int image = sink.begin(name);
    if (size > k_worth_mapping) {
        sink.refer(image, mapped(file.get(), size, name));
    } else {
        const std::string content = read_all(file.get(), name, k_worth_mapping + 1);
        if (content.size() != size)
            throw Error(Fault::internal, fmt::format("the image {} has changed while it was read", printable(name)));
        fill_image(sink, image, std::as_bytes(std::span(content)), interrupt);
    }
    sink.end(image);
    return size;
}

ReadImages ImageFolder::read_into(ImageSink& sink, const Interrupt& interrupt) {
    ReadImages read;
    for (const std::string& name : names()) {
        read.bytes += read_image(name, sink, interrupt);
        ++read.images;
    }
    return read;
}

} // namespace cedana::criu
