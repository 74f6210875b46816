// SPDX-License-Identifier: Apache-2.0
// At a restore CRIU removes the name link_remap.N as soon as the file is open, though the restore may still fail:
// another one could then never find the file. So a second name keeps it until it is known how the restore ends. Where
// the file waits under a name of its own, or CRIU has taken its name away itself, since the tree ran on, it is made
// here.
#pragma once

#include "cedana/files/file_place.hpp"
#include "cedana/model/link_remap.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace cedana {

// Whether the file is there under its name, or under the one by which a restore that failed has kept it.
[[nodiscard]] bool is_there_or_kept(const std::string& link);

class RemapGuard {
  public:
    // `journal`: what is to be undone is written there first, for finish_killed(). Names that are not there are passed
    // over; what an earlier guard could not give back is given back before. Throws Error.
    RemapGuard(const std::vector<LinkRemap>& remaps, std::filesystem::path journal);
    RemapGuard(const RemapGuard&) = delete;
    RemapGuard& operator=(const RemapGuard&) = delete;
    // Gives CRIU's names back, and takes away the lost ones if CRIU has made them again, unless commit() was called.
    ~RemapGuard();

    // The tree is back: only the second names go.
    void commit() noexcept;

    // The same, of a guard whose process was killed. Throws Error.
    static void finish_killed(const std::filesystem::path& journal, bool tree_ran);

  private:
    struct Kept {
        LinkRemap remap;
        // Somebody had the name that the file lost before the restore.
        bool lost_is_taken = false;
        // link_remap.N was made here, and there is no second name.
        bool made = false;
        // The one from which it was made goes once the tree is back.
        bool waited = false;
    };
    static void write(const std::filesystem::path& journal, const std::vector<Kept>& kept);
    [[nodiscard]] static std::vector<Kept> read(const std::filesystem::path& journal);
    static void give_back(const Kept& kept);
    static void let_go(const Kept& kept);
    enum class LostName { stays, goes };
    static void remove_names(const Kept& kept, LostName lost);

    std::filesystem::path journal_;
    std::vector<Kept> kept_;
};

} // namespace cedana
