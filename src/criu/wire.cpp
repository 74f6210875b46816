// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/wire.hpp"

#include "cedana/base/error.hpp"

#include <cerrno>
#include <cstring>

#include <spdlog/fmt/fmt.h>

#include <sys/socket.h>
#include <sys/un.h>

namespace cedana::criu {

std::string_view WireReader::take(std::size_t count) {
    if (count > rest_.size())
        throw Error(Fault::internal, "a message of criu ends too early");
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
}

std::uint64_t WireReader::varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const auto byte = static_cast<unsigned char>(take(1)[0]);
        value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0)
            return value;
    }
    throw Error(Fault::internal, "a message of criu has an endless number");
}

std::optional<WireField> WireReader::next() {
    if (rest_.empty())
        return std::nullopt;
    const std::uint64_t key = varint();
    WireField field{.number = static_cast<std::uint32_t>(key >> 3), .value = {}, .bytes = {}};
    switch (key & 7) {
    case 0:
        field.value = varint();
        break;
    case 1:
    case 5: {
        const std::string_view raw = take((key & 7) == 1 ? 8 : 4);
        std::uint64_t value = 0;
        std::memcpy(&value, raw.data(), raw.size());
        field.value = value;
        break;
    }
    case 2:
        field.bytes = take(varint());
        break;
    default:
        throw Error(Fault::internal, fmt::format("a message of criu has a field of unknown type {}", key & 7));
    }
    return field;
}

UniqueFd listen_unix(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.native().size() >= sizeof address.sun_path)
        throw Error(Fault::internal, fmt::format("the socket path {} is too long", path.string()));
    std::strcpy(address.sun_path, path.c_str());
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(fd.get(), 8) != 0) {
        const int err = errno;
        throw os_error(err, fmt::format("cannot listen on {}", path.string()));
    }
    return fd;
}

} // namespace cedana::criu
