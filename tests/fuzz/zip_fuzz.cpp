// SPDX-License-Identifier: Apache-2.0
// An archive that nobody vouches for, with its frames, a frame index, and the envelope of an encrypted one.
#include "cedana/archive/frame_index.hpp"
#include "cedana/archive/zip_reader.hpp"
#include "cedana/checkpoint/whole_check.hpp"
#include "cedana/keys/envelope.hpp"

#include <array>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <spdlog/fmt/fmt.h>

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.hpp"

namespace {

using namespace cedana;

constexpr std::size_t k_limit = 1024UL * 1024;

void read_archive(std::string_view text) {
    static const int fd = ::memfd_create("archive", MFD_CLOEXEC);
    static const std::string path = fmt::format("/proc/self/fd/{}", fd);
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0)
        std::abort();
    testing::try_out(Fault::internal, [] { static_cast<void>(WholeCheck(1, Keyring()).run(path)); });
    testing::try_out(Fault::internal, [] {
        const ZipReader zip(path);
        for (const EntryInfo& entry : zip.entries())
            testing::try_out(Fault::internal, [&] { static_cast<void>(zip.read(entry.name, k_limit)); });
    });
}

void decode(std::string_view text) {
    static FrameDecoder decoder;
    // The first two bytes: how much is to come out.
    if (text.size() < 2)
        return;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    std::vector<std::byte> out(byte(0) * 256UL + byte(1));
    const auto data = std::as_bytes(std::span(text.substr(2)));
    for (const Method method : {Method::store, Method::deflate, Method::zstd}) {
        testing::try_out(Fault::internal, [&] { decoder.decode(method, data, out); });
        testing::try_out(Fault::internal, [&] { decoder.decode_entry(method, data, out); });
    }
}

void read_frame_index(std::string_view text) {
    testing::try_out(Fault::internal, [&] {
        // Strict: what is accepted is what would be written.
        if (write_index(read_index(text)) != text)
            std::abort();
    });
}

void read_sealed_index(std::string_view text) {
    static const auto seal = std::make_shared<const Seal>(SecretBytes(k_data_key_size), CheckpointId{});
    testing::try_out(Fault::internal, [&] {
        const FrameIndex index = read_index(text, seal);
        if (!index.images.empty() && write_index(index) != text)
            std::abort();
    });
}

// What is accepted is written and read again, and is then the same; and no key opens a slot that nobody has made for
// it.
void read_envelope(std::string_view text) {
    static const SecretBytes key(k_key_size);
    constexpr std::uint64_t k_cheap = 64UL * 1024;
    testing::try_out(Fault::internal, [&] {
        const Envelope envelope = parse_envelope(text);
        if (parse_envelope(write_envelope(envelope)) != envelope)
            std::abort();
        for (const KeySlot& slot : envelope.slots) {
            testing::try_out(Fault::internal, [&] { static_cast<void>(open_with_key(slot, envelope.id, key)); });
            testing::try_out(Fault::internal, [&] { static_cast<void>(open_with_identity(slot, envelope.id, key)); });
            if (!slot.cost.is_bearable() || slot.cost.memory_bytes <= k_cheap)
                testing::try_out(Fault::internal,
                                 [&] { static_cast<void>(open_with_passphrase(slot, envelope.id, key)); });
        }
    });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array k_parsers = {read_archive, decode, read_frame_index, read_sealed_index, read_envelope};
    const testing::Chosen chosen = testing::choose(data, size, k_parsers.size());
    k_parsers[chosen.parser](chosen.text);
    return 0;
}
