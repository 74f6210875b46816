// SPDX-License-Identifier: Apache-2.0
// A target whose memory changes places without being written to (mremap(2)), is thrown away and made anew at the same
// place, and is inherited by children: whoever takes memory for what it was a moment ago restores another. After each
// round it looks at all of it: the file ROUND is made if it is not there, or WRONG, and it ends, if anything is not
// where it was put. It has no file open. Usage: moves MIB ROUND WRONG
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr std::size_t k_page = 4096;
// What one entry of the second level of page tables leads to: the kernel moves these whole.
constexpr std::size_t k_table = 2UL * 1024 * 1024;

// Memory at a fixed place, of which each page says whose it is.
class Slot {
  public:
    Slot(char* at, std::size_t size) : at_(at), size_(size) {}

    [[nodiscard]] char* at() const { return at_; }
    void map() const {
        if (::mmap(at_, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            std::exit(2);
    }
    void fill(std::uint64_t owner) const {
        for (std::size_t offset = 0; offset < size_; offset += k_page) {
            word(offset)[0] = owner;
            word(offset)[1] = offset;
        }
    }
    void move_to(const Slot& other) const {
        if (::mremap(at_, size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, other.at_) == MAP_FAILED)
            std::exit(2);
    }
    [[nodiscard]] bool is_of(std::uint64_t owner) const {
        for (std::size_t offset = 0; offset < size_; offset += k_page)
            if (word(offset)[0] != owner || word(offset)[1] != offset)
                return false;
        return true;
    }
    void drop() const { ::madvise(at_, size_, MADV_DONTNEED); }

  private:
    [[nodiscard]] volatile std::uint64_t* word(std::size_t offset) const {
        return reinterpret_cast<volatile std::uint64_t*>(at_ + offset);
    }

    char* at_;
    std::size_t size_;
};

// Without having it open.
void make_file(const char* path) {
    if (::mknod(path, S_IFREG | 0600, 0) != 0 && errno != EEXIST)
        std::exit(2);
}

// Sees what its parent had, and writes to it.
bool child_sees(const Slot& slot, std::uint64_t owner) {
    const pid_t child = ::fork();
    if (child == 0) {
        const bool right = slot.is_of(owner);
        slot.fill(owner + 1);
        ::_exit(right && slot.is_of(owner + 1) ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 4)
        return 2;
    const std::size_t size = std::stoul(argv[1]) * 1024 * 1024;
    void* const reserved =
        ::mmap(nullptr, 4 * size + k_table, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved == MAP_FAILED)
        return 2;
    char* const base = static_cast<char*>(reserved) + (k_table - reinterpret_cast<std::uint64_t>(reserved) % k_table);
    const Slot one(base, size);
    const Slot two(base + size, size);
    const Slot between(base + 2 * size, size);
    const Slot anew(base + 3 * size, size / 4);
    for (const Slot* slot : {&one, &two, &anew})
        slot->map();
    one.fill(1);
    two.fill(2);
    std::array<std::uint64_t, 2> owners = {1, 2};
    for (std::uint64_t round = 0;; ++round) {
        one.move_to(between);
        two.move_to(one);
        between.move_to(two);
        std::swap(owners[0], owners[1]);
        anew.drop();
        anew.fill(1000 + round);
        bool right = one.is_of(owners[0]) && two.is_of(owners[1]) && anew.is_of(1000 + round);
        if (round % 64 == 0)
            right = right && child_sees(anew, 1000 + round);
        if (!right) {
            make_file(argv[3]);
            return 1;
        }
        make_file(argv[2]);
    }
}
