// SPDX-License-Identifier: Apache-2.0
#include "cedana/criu/file_table.hpp"

#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

namespace cedana::criu {

namespace {

// The least that an address has is one word; what is more than the largest has is not looked at.
void add_word(InetEnd& end, std::size_t& words, std::uint64_t word) {
    if (words < end.address.size())
        end.address.at(words++) = static_cast<std::uint32_t>(word);
}

void take_options(DumpedInet& socket, protozero::pbf_message<SkOptsEntry> options) {
    while (options.next())
        switch (options.tag()) {
        case SkOptsEntry::reuseaddr:
            socket.reuses_address = number_of(options) != 0;
            break;
        case SkOptsEntry::so_bound_dev:
            socket.device = bytes_of(options);
            break;
        case SkOptsEntry::so_reuseport:
            socket.reuses_port = number_of(options) != 0;
            break;
        default:
            options.skip();
        }
}

DumpedInet parse_inet(std::string_view message) {
    DumpedInet socket;
    std::size_t local_words = 0;
    std::size_t remote_words = 0;
    for (auto entry = fields_of<InetSkEntry>(message); entry.next();) {
        switch (entry.tag()) {
        case InetSkEntry::ino:
            socket.inode = number_of(entry);
            break;
        case InetSkEntry::family:
            socket.family = static_cast<int>(number_of(entry));
            break;
        case InetSkEntry::type:
            socket.type = static_cast<int>(number_of(entry));
            break;
        case InetSkEntry::proto:
            socket.protocol = static_cast<int>(number_of(entry));
            break;
        case InetSkEntry::state:
            socket.state = static_cast<int>(number_of(entry));
            break;
        case InetSkEntry::src_port:
            socket.local.port = static_cast<std::uint16_t>(number_of(entry));
            break;
        case InetSkEntry::dst_port:
            socket.remote.port = static_cast<std::uint16_t>(number_of(entry));
            break;
        case InetSkEntry::src_addr:
            add_word(socket.local, local_words, number_of(entry));
            break;
        case InetSkEntry::dst_addr:
            add_word(socket.remote, remote_words, number_of(entry));
            break;
        case InetSkEntry::opts:
            take_options(socket, message_of<SkOptsEntry>(entry));
            break;
        case InetSkEntry::v6only:
            socket.only_v6 = number_of(entry) != 0;
            break;
        case InetSkEntry::ifname:
            socket.interface = bytes_of(entry);
            break;
        default:
            entry.skip();
        }
    }
    return socket;
}

DumpedUnix parse_unix(std::string_view message) {
    // USK_EXTERN of criu/sk-unix.c.
    constexpr std::uint64_t k_external = 1;
    const auto entry = fields_of<UnixSkEntry>(message);
    DumpedUnix socket{.type = static_cast<int>(number_in(entry, UnixSkEntry::type, 0)),
                      .state = static_cast<int>(number_in(entry, UnixSkEntry::state, 0)),
                      .is_external = (number_in(entry, UnixSkEntry::uflags, 0) & k_external) != 0,
                      .is_deleted = number_in(entry, UnixSkEntry::deleted, 0) != 0,
                      .name = std::string(bytes_in(entry, UnixSkEntry::name)),
                      .folder = std::string(bytes_in(entry, UnixSkEntry::name_dir))};
    if (!socket.is_abstract())
        socket.name.resize(::strnlen(socket.name.data(), socket.name.size()));
    return socket;
}

DumpedFile parse_regular(std::string_view message) {
    DumpedFile file;
    for (auto entry = fields_of<RegFileEntry>(message); entry.next();) {
        switch (entry.tag()) {
        case RegFileEntry::name:
            file.path = bytes_of(entry);
            break;
        case RegFileEntry::mode:
            file.mode = static_cast<std::uint32_t>(number_of(entry));
            break;
        case RegFileEntry::ext:
            file.is_external = number_of(entry) != 0;
            break;
        case RegFileEntry::build_id: {
            const auto word = static_cast<std::uint32_t>(number_of(entry));
            file.build_id.append(reinterpret_cast<const char*>(&word), sizeof word);
            break;
        }
        default:
            entry.skip();
        }
    }
    return file;
}

void take(FileTable& table, std::string_view message) {
    const auto file = fields_of<FileEntry>(message);
    if (const std::string_view inet = bytes_in(file, FileEntry::isk); !inet.empty())
        table.inet.push_back(parse_inet(inet));
    if (const std::string_view named = bytes_in(file, FileEntry::usk); !named.empty())
        table.unix_ones.push_back(parse_unix(named));
    if (const std::string_view regular = bytes_in(file, FileEntry::reg); !regular.empty())
        table.files.emplace(number_in(file, FileEntry::id, 0), parse_regular(regular));
}

} // namespace

bool DumpedInet::is_connection() const noexcept { return protocol == IPPROTO_TCP && remote.port != 0; }

std::string DumpedUnix::path() const {
    if (name.empty() || is_abstract())
        return {};
    return name.starts_with('/') || folder.empty() ? name : folder + "/" + name;
}

bool DumpedUnix::is_bound_anew() const noexcept {
    return !name.empty() && !is_external && (type == SOCK_DGRAM || state != k_state_established);
}

FileTable parse_file_table(std::string_view image) {
    return parse_image([&] {
        FileTable table;
        for (ImageReader messages(image, ImageKind::files); !messages.at_end();)
            take(table, messages.next());
        return table;
    });
}

std::vector<Remap> parse_remaps(std::string_view image) {
    // remap_type of remap-file-path.proto; older images of links alone have none.
    constexpr std::uint64_t k_linked = 0;
    return parse_image([&] {
        std::vector<Remap> remaps;
        for (ImageReader messages(image, ImageKind::remaps); !messages.at_end();) {
            const auto entry = fields_of<RemapFilePathEntry>(messages.next());
            Remap remap{.file = number_in(entry, RemapFilePathEntry::orig_id, 0)};
            if (number_in(entry, RemapFilePathEntry::remap_type, k_linked) == k_linked)
                remap.link = number_in(entry, RemapFilePathEntry::remap_id, 0);
            remaps.push_back(remap);
        }
        return remaps;
    });
}

} // namespace cedana::criu
