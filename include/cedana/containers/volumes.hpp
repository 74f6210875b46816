// SPDX-License-Identifier: Apache-2.0
// The volumes of a container in a restore: an engine keeps them by their names, beside its containers and longer than
// those. One that is there is somebody's data, and stays as it is unless its user says otherwise; one that is not there
// comes out of the checkpoint, or the restore is refused: an empty one in its place would look like data that is lost.
#pragma once

#include "cedana/base/error.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/containers/engine.hpp"
#include "cedana/containers/folder_capture.hpp"
#include "cedana/containers/unpack.hpp"
#include "cedana/criu/rpc.hpp"
#include "cedana/files/contents_aside.hpp"
#include "cedana/model/container.hpp"
#include "cedana/model/image_stream.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cedana::containers {

// Of a volume that is in the checkpoint, by what its mount's `content` says.
[[nodiscard]] FolderImages images_of_volume(const std::string& content);
// The entry with what is outdated of the first of them (entry_names.hpp).
[[nodiscard]] std::string outdated_entry_of_volume(const std::string& content);

// Why they cannot be had as is asked for. Asks the engine; changes nothing.
[[nodiscard]] std::vector<Error> check_volumes(const Engine& engine, const ContainerRecord& record,
                                               ExistingVolumes existing);

class VolumeRestore {
  public:
    // Notes in the work folder which volumes are not there yet. `record` must outlive this. Throws Error.
    VolumeRestore(Engine engine, const ContainerRecord& record, ExistingVolumes existing, std::filesystem::path work);
    VolumeRestore(const VolumeRestore&) = delete;
    VolumeRestore& operator=(const VolumeRestore&) = delete;
    // Takes everything back unless commit() was called: after the container that has them is removed.
    ~VolumeRestore();

    // The engine has made those that were missing, and `mounts` says where they are: their content. `text`: an entry
    // of the checkpoint.
    void put(const std::vector<criu::RpcMount>& mounts, ImageSource& images,
             const std::function<std::string(const std::string& entry)>& text, ArchiveTrust trust,
             const Interrupt& interrupt);
    void commit();

  private:
    Engine engine_;
    const ContainerRecord& record_;
    ExistingVolumes existing_;
    std::filesystem::path work_;
    // Those that are made.
    std::set<std::string> missing_;
    ContentsAside aside_;
    bool is_open_ = true;
};

// After a kill: by whether the container that has them runs; the folders of those that were overwritten. Throws Error.
std::vector<std::filesystem::path> end_killed_volumes(const std::filesystem::path& work, AsideEnd end);
// Where what they held before lies. Throws Error.
[[nodiscard]] std::vector<std::filesystem::path> find_volumes_aside(const std::filesystem::path& work);

} // namespace cedana::containers
