// SPDX-License-Identifier: Apache-2.0
#include "cedana/process/file_events.hpp"

#include <cstring>
#include <utility>

#include <fcntl.h>
#include <linux/fanotify.h>

namespace cedana {

namespace {

template <typename Part>
bool read_part(std::span<const std::byte> bytes, Part& part) {
    if (bytes.size() < sizeof part)
        return false;
    std::memcpy(&part, bytes.data(), sizeof part);
    return true;
}

// A handle, and in `rest` what lies behind it; empty if it is cut off.
FileHandle read_handle(std::span<const std::byte> bytes, std::span<const std::byte>& rest) {
    struct {
        unsigned bytes;
        int type;
    } head{};
    static_assert(sizeof head == sizeof(file_handle));
    if (!read_part(bytes, head) || head.bytes > bytes.size() - sizeof head)
        return {};
    rest = bytes.subspan(sizeof head + head.bytes);
    return {.type = head.type,
            .bytes = std::string(reinterpret_cast<const char*>(bytes.data() + sizeof head), head.bytes)};
}

void take_handle(std::span<const std::byte> record, std::uint8_t kind, EventHandles& handles) {
    fanotify_event_info_fid head{};
    std::span<const std::byte> rest;
    if (!read_part(record, head))
        return;
    FileHandle handle = read_handle(record.subspan(sizeof head), rest);
    std::memcpy(&handles.file_system, &head.fsid, sizeof handles.file_system);
    if (kind == FAN_EVENT_INFO_TYPE_FID) {
        handles.file = std::move(handle);
        return;
    }
    handles.folder = std::move(handle);
    // With a zero at its end, and more to fill the record up.
    const auto* const name = reinterpret_cast<const char*>(rest.data());
    handles.name = std::string(name, ::strnlen(name, rest.size()));
}

void take_records(std::span<const std::byte> records, FileEvent& event) {
    fanotify_event_info_header header{};
    while (read_part(records, header) && header.len >= sizeof header && header.len <= records.size()) {
        const std::span<const std::byte> record = records.first(header.len);
        fanotify_event_info_pidfd process{};
        // FAN_NOPIDFD and FAN_EPIDFD are negative.
        if (header.info_type == FAN_EVENT_INFO_TYPE_PIDFD && read_part(record, process))
            event.process.reset(process.pidfd);
        if (header.info_type == FAN_EVENT_INFO_TYPE_FID || header.info_type == FAN_EVENT_INFO_TYPE_DFID_NAME)
            take_handle(record, header.info_type, event.handles);
        records = records.subspan(header.len);
    }
}

} // namespace

std::vector<FileEvent> take_file_events(std::span<const std::byte> bytes) {
    std::vector<FileEvent> events;
    fanotify_event_metadata data{};
    while (read_part(bytes, data) && data.vers == FANOTIFY_METADATA_VERSION && data.metadata_len >= sizeof data &&
           data.event_len >= data.metadata_len && data.event_len <= bytes.size()) {
        FileEvent event{.overflow = (data.mask & FAN_Q_OVERFLOW) != 0, .pid = data.pid, .file = UniqueFd(data.fd)};
        take_records(bytes.first(data.event_len).subspan(data.metadata_len), event);
        events.push_back(std::move(event));
        bytes = bytes.subspan(data.event_len);
    }
    return events;
}

} // namespace cedana
