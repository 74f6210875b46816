// SPDX-License-Identifier: Apache-2.0
// What podman writes of a container with one process, small and whole, by the names in the archive.
#pragma once

#include "cedana/base/memory.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/criu/image_fields.hpp"
#include "cedana/criu/image_file.hpp"

#include <protozero/pbf_builder.hpp>
#include <string>
#include <utility>

namespace cedana::testing {

template <typename Build>
std::string image_of_criu(criu::ImageKind kind, Build&& build) {
    criu::ImageWriter image(kind);
    build(image);
    return std::move(image).bytes();
}

inline std::string tree_image() {
    return image_of_criu(criu::ImageKind::pstree, [](criu::ImageWriter& image) {
        std::string process;
        protozero::pbf_builder<criu::PstreeEntry> entry(process);
        for (const auto field :
             {criu::PstreeEntry::pid, criu::PstreeEntry::pgid, criu::PstreeEntry::sid, criu::PstreeEntry::threads})
            entry.add_uint32(field, 1);
        image.add(process);
    });
}

inline std::string pagemap_image() {
    return image_of_criu(criu::ImageKind::pagemap, [](criu::ImageWriter& image) {
        std::string head;
        std::string run;
        protozero::pbf_builder<criu::PagemapHead>(head).add_uint32(criu::PagemapHead::pages_id, 1);
        protozero::pbf_builder<criu::PagemapEntry> entry(run);
        entry.add_uint64(criu::PagemapEntry::vaddr, 0x400000);
        entry.add_uint32(criu::PagemapEntry::compat_nr_pages, 2);
        image.add(head);
        image.add(run);
    });
}

inline std::string core_image() {
    return image_of_criu(criu::ImageKind::core, [](criu::ImageWriter& image) {
        std::string core;
        std::string task;
        protozero::pbf_builder<criu::TaskCoreEntry>(task).add_string(criu::TaskCoreEntry::comm, "counter");
        protozero::pbf_builder<criu::CoreEntry> entry(core);
        entry.add_enum(criu::CoreEntry::mtype, 1);
        entry.add_message(criu::CoreEntry::tc, task);
        image.add(core);
    });
}

inline containers::SmallFiles podmans_archive() {
    return {
        {"config.dump", R"({"id": "4e87063a369a", "name": "web", "rootfsImageID": "a4a4", "runtime": "/usr/sbin/runc",
                                "namedVolumes": [{"volumeName": "vol", "dest": "/data"}]})"},
        {"spec.dump", R"({"mounts": [{"type": "bind", "destination": "/data", "source": "/v/volumes/vol/_data"}]})"},
        {"network.status", R"({"net": {"interfaces": {"eth0": {"mac_address": "56:bb:47:4e:d4:c8",
                                  "subnets": [{"ipnet": "10.88.0.38/16"}]}}}})"},
        {"deleted.files", R"(["/app/gone"])"},
        {"checkpoint/descriptors.json", R"(["/dev/null"])"},
        {"checkpoint/core-1.img", core_image()},
        {"checkpoint/inventory.img", image_of_criu(criu::ImageKind::inventory, [](auto&) {})},
        {"checkpoint/pagemap-1.img", pagemap_image()},
        {"checkpoint/pages-1.img", std::string(2 * page_size(), 'p')},
        {"checkpoint/pstree.img", tree_image()}};
}

} // namespace cedana::testing
