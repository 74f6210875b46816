// SPDX-License-Identifier: Apache-2.0
#include "unit/archive/support.hpp"

#include "cedana/base/checksums.hpp"

#include <algorithm>
#include <random>

namespace cedana::testing {

std::string mixed_content(std::size_t size) {
    constexpr std::size_t k_stretch = 4096;
    std::minstd_rand random(42);
    std::string content;
    content.reserve(size + k_stretch);
    while (content.size() < size) {
        for (std::size_t i = 0; i < k_stretch; ++i)
            content += "a process that holds words  "[random() % 28];
        for (std::size_t i = 0; i < k_stretch; i += 8)
            content += {static_cast<char>(i / 8), 0, 0, 0, 0, 0, 0, 0};
        for (std::size_t i = 0; i < k_stretch; ++i)
            content += static_cast<char>(random() >> 8);
    }
    content.resize(size);
    return content;
}

std::vector<std::vector<std::byte>> encode_frames(std::string_view content, Method method, int level) {
    FrameEncoder encoder(method, level);
    std::vector<std::vector<std::byte>> frames;
    for (std::size_t offset = 0; offset < content.size(); offset += k_frame_size) {
        const bool is_last = offset + k_frame_size >= content.size();
        frames.push_back(encoder.encode(bytes(content.substr(offset, k_frame_size)),
                                        is_last ? Position::last : Position::more_follow));
    }
    return frames;
}

std::string join(const std::vector<std::vector<std::byte>>& frames) {
    std::string all;
    for (const auto& frame : frames)
        all += text_of(frame);
    return all;
}

Outcome outcome_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return {error.fault(), error.message()};
    }
    return {std::nullopt, "nothing was thrown"};
}

void NewZip::write(const std::string& name, std::unique_ptr<EntrySource> source) {
    std::vector<NamedEntry> entries;
    entries.push_back({name, std::move(source)});
    writer_.write(std::move(entries));
}

void NewZip::write(const std::string& name, std::string_view content, Method method) {
    write(name, memory_entry(content, method, 1));
}

std::span<const std::byte> RepeatingEntry::next() {
    parts_.before(given_);
    return given_++ < parts_.times ? bytes(parts_.block) : std::span<const std::byte>();
}

namespace {

std::string little_endian(std::uint64_t value, std::size_t width) {
    std::string out;
    for (std::size_t i = 0; i < width; ++i)
        out += static_cast<char>(value >> (8 * i));
    return out;
}

std::string local_header(const HandMadeEntry& entry, std::string_view name) {
    const auto data_size = static_cast<std::uint32_t>(entry.data.size());
    const std::string local_name = entry.local_name.value_or(std::string(name));
    return entry.local_signature + little_endian(20, 2) + little_endian(entry.flags, 2) +
           little_endian(entry.local_method.value_or(entry.method), 2) + little_endian(0x21, 4) +
           little_endian(entry.local_crc.value_or(entry.crc.value_or(crc32_of(bytes(entry.data)))), 4) +
           little_endian(entry.compressed.value_or(data_size), 4) + little_endian(entry.size.value_or(data_size), 4) +
           little_endian(local_name.size(), 2) + little_endian(0, 2) + local_name;
}

std::string central_header(const HandMadeEntry& entry, std::size_t offset) {
    const auto data_size = static_cast<std::uint32_t>(entry.data.size());
    constexpr std::uint64_t made_by_unix = 0x0314;
    return "PK\x01\x02" + little_endian(made_by_unix, 2) + little_endian(20, 2) + little_endian(entry.flags, 2) +
           little_endian(entry.method, 2) + little_endian(0x21, 4) +
           little_endian(entry.crc.value_or(crc32_of(bytes(entry.data))), 4) +
           little_endian(entry.compressed.value_or(data_size), 4) + little_endian(entry.size.value_or(data_size), 4) +
           little_endian(entry.name.size(), 2) + little_endian(0, 8) + little_endian(entry.attributes, 4) +
           little_endian(entry.local_offset.value_or(static_cast<std::uint32_t>(offset)), 4) + entry.name;
}

} // namespace

std::string hand_made_zip(const std::vector<HandMadeEntry>& entries) {
    std::string data;
    std::string directory;
    for (const HandMadeEntry& entry : entries) {
        directory += central_header(entry, data.size());
        data += local_header(entry, entry.name) + entry.data;
    }
    return data + directory + "PK\x05\x06" + little_endian(0, 4) + little_endian(entries.size(), 2) +
           little_endian(entries.size(), 2) + little_endian(directory.size(), 4) + little_endian(data.size(), 4) +
           little_endian(0, 2);
}

void put_file(const std::filesystem::path& path, std::string_view content) {
    const UniqueFd fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    write_all(fd.get(), content, path);
}

} // namespace cedana::testing
