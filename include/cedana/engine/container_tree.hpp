// SPDX-License-Identifier: Apache-2.0
// A tree that is the inside of a container: how its dump differs from that of any other tree. Its engine finds it, its
// runtime says what of it is not its own, and its files are those of an image and what the container has changed of
// them. It is captured as a whole; what leads out of it is the runtime's to bring back.
#pragma once

#include "cedana/base/child_process.hpp"
#include "cedana/base/signals.hpp"
#include "cedana/containers/changed_files.hpp"
#include "cedana/containers/container.hpp"
#include "cedana/containers/criu_arguments.hpp"
#include "cedana/containers/small_tar.hpp"
#include "cedana/engine/tree_look.hpp"
#include "cedana/model/config.hpp"
#include "cedana/model/image_stream.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cedana {

struct ContainerName {
    std::string name;
    std::optional<containers::EngineKind> engine = std::nullopt;
    DumpedVolumes volumes = DumpedVolumes::none;
};

class ContainerTree {
  public:
    // Throws Error as find_container() does, and Error(Fault::dump_failed) for one whose files cannot be captured.
    ContainerTree(const ContainerName& name, const Config& config);

    [[nodiscard]] const containers::Container& container() const noexcept { return container_; }
    [[nodiscard]] pid_t pid() const noexcept { return container_.state.pid; }
    // What CRIU is to be told, beside what follows from the tree.
    [[nodiscard]] const std::vector<std::string>& criu_arguments() const noexcept { return criu_arguments_; }
    // Bytes of what the container has changed of its image.
    [[nodiscard]] std::uint64_t changed_bytes() const noexcept { return changed_bytes_; }

    // Takes out of what was seen what is the runtime's to bring back, or comes with the container's files.
    void adapt(SeenTree& seen) const;
    // What its engine alone can say; the container runs on meanwhile. Throws Error.
    void describe(const std::filesystem::path& work, const std::string& criu, const Interrupt& interrupt);
    // The container runs on: its files into `sink`, as images, so that while it stands still only those are read that
    // were changed meanwhile.
    void capture_ahead(const ProcessTree& tree, ImageSink& sink, const Interrupt& interrupt);
    // The container stands still, and `tree` is all of it: what of its files is another by now.
    void capture(const ProcessTree& tree, ImageSink& sink, const Interrupt& interrupt);
    // It stands still, and is to end: the engine ends it, so that it does not start it anew. Returns once its main
    // process is killed. Throws Error(Fault::dump_failed) if the engine does not do it within half a minute; it runs on
    // then.
    void begin_end();
    // It has ended: waits until the engine has taken note of that, for what is left of that time, and at least ten
    // seconds. Warns if that goes wrong.
    void finish_end();

    // For the manifest, and as entries of the checkpoint by their names.
    [[nodiscard]] const ContainerRecord& record() const noexcept { return container_.record; }
    [[nodiscard]] const std::map<std::string, std::string>& texts() const noexcept { return texts_; }
    // What the checkpoint does not hold: sentences.
    [[nodiscard]] std::vector<std::string> warnings() const;

  private:
    containers::Container container_;
    std::vector<std::string> criu_arguments_;
    // A folder of the container that goes into the checkpoint.
    struct CapturedFolder {
        // In the container, without a slash before it and with one behind it; empty for its root.
        std::string below;
        containers::FolderCapture files;
        std::string outdated_entry;
    };
    void add_root(const containers::SeenInside& inside);
    void add_volumes(const containers::SeenInside& inside);
    [[nodiscard]] std::set<std::string> shared_mappings(const ProcessTree& tree) const;

    // Without the root folder where that is its user's, and not an engine's.
    std::vector<CapturedFolder> folders_;
    std::uint64_t changed_bytes_ = 0;
    std::map<std::string, std::string> texts_;
    // The engine's command that ends it.
    std::optional<ChildProcess> ending_;
    std::chrono::steady_clock::time_point patience_ends_;
};

} // namespace cedana
