// SPDX-License-Identifier: Apache-2.0
// A target that waits until the file GO is there, then does with its memory what SCENARIO says, and looks at every page
// of it, while it may still be filled after a lazy restore. Appends "ready" to LOG before it waits, and "right" at the
// end. Usage: filled SCENARIO MIB LOG GO
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "append_log.hpp"

namespace {

constexpr std::size_t k_page = 4096;
constexpr std::size_t k_words = k_page / sizeof(std::uint64_t);
// In pages: neither a part nor a multiple of what a restore brings at once.
constexpr std::size_t k_block = 61;

char* map_at(void* where, std::size_t pages, int flags) {
    void* memory = ::mmap(where, pages * k_page, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        std::exit(2);
    return static_cast<char*>(memory);
}

// splitmix64
std::uint64_t word_of(std::uint64_t seed, std::size_t page, std::size_t word) {
    std::uint64_t z = seed + (page * k_words + word + 1) * 0x9E3779B97F4A7C15U;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    // A half of it compresses.
    return word % 2 == 0 ? z ^ (z >> 31) : page;
}

void write_page(char* at, std::uint64_t seed, std::size_t page) {
    auto* words = reinterpret_cast<std::uint64_t*>(at);
    for (std::size_t word = 0; word < k_words; ++word)
        words[word] = word_of(seed, page, word);
}

bool is_page(const char* at, std::uint64_t seed, std::size_t page) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(at);
    for (std::size_t word = 0; word < k_words; ++word)
        if (words[word] != word_of(seed, page, word))
            return false;
    return true;
}

bool is_zero(const char* at) { return at[0] == 0 && std::memcmp(at, at + 1, k_page - 1) == 0; }

std::vector<std::size_t> shuffled(std::size_t count, std::uint64_t seed) {
    std::vector<std::size_t> numbers(count);
    std::iota(numbers.begin(), numbers.end(), std::size_t{0});
    std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(seed));
    return numbers;
}

class Program {
  public:
    Program(std::size_t mib, const char* log_path, std::string go)
        : log(log_path), pages(mib * 1024 * 1024 / k_page), memory(map_at(nullptr, pages, MAP_PRIVATE)),
          go_(std::move(go)) {
        write_all(k_seed);
    }

    void wait_for_go() const {
        log.line("ready");
        wait_quietly();
    }
    void wait_quietly() const {
        while (::access(go_.c_str(), F_OK) != 0)
            pause_for_a_millisecond();
    }

    [[nodiscard]] char* page_at(std::size_t page) const { return memory + page * k_page; }
    void write_all(std::uint64_t seed) const {
        for (std::size_t page = 0; page < pages; ++page)
            write_page(page_at(page), seed, page);
    }
    void expect_page(const char* at, std::uint64_t seed, std::size_t page, const char* what) const {
        if (!is_page(at, seed, page))
            log.broken(std::string(what) + ": page " + std::to_string(page) + (is_zero(at) ? " is zero" : " is wrong"));
    }
    void expect_zero(const char* at, std::size_t page, const char* what) const {
        if (!is_zero(at))
            log.broken(std::string(what) + ": page " + std::to_string(page) + " is not zero");
    }
    void expect_all(std::uint64_t seed, std::uint64_t order, const char* what) const {
        for (const std::size_t page : shuffled(pages, order))
            expect_page(page_at(page), seed, page, what);
    }
    void expect_success(pid_t child, const char* what) const {
        int status = 0;
        if (::waitpid(child, &status, 0) != child || status != 0)
            log.broken(std::string(what) + ": a child ended with status " + std::to_string(status));
    }
    template <typename Work>
    pid_t start(Work&& work) const {
        const pid_t pid = ::fork();
        if (pid != 0)
            return pid;
        work();
        ::_exit(0);
    }

    static constexpr std::uint64_t k_seed = 1;
    AppendLog log;
    std::size_t pages;
    char* memory;

  private:
    std::string go_;
};

// Data, pages that were never touched, and a heap of many small pieces.
void pages_and_holes(const Program& program) {
    const std::size_t holes = 4096;
    char* sparse = map_at(nullptr, holes, MAP_PRIVATE);
    for (std::size_t page = 0; page < holes; page += 3)
        write_page(sparse + page * k_page, 2, page);
    std::map<std::size_t, std::vector<std::size_t>> heap;
    for (std::size_t i = 0; i < 20000; ++i)
        heap[i] = std::vector<std::size_t>(i % 50, i);
    program.wait_for_go();
    for (const std::size_t page : shuffled(holes, 3)) {
        if (page % 3 == 0)
            program.expect_page(sparse + page * k_page, 2, page, "between holes");
        else
            program.expect_zero(sparse + page * k_page, page, "a hole");
    }
    for (std::size_t i = 0; i < 20000; i += 2)
        heap.erase(i);
    for (std::size_t i = 0; i < 20000; i += 2)
        heap[i] = std::vector<std::size_t>(i % 70, i);
    for (const auto& [i, values] : heap)
        for (const std::size_t value : values)
            if (value != i)
                program.log.broken("the heap");
    program.expect_all(Program::k_seed, 4, "a page");
}

void threads(const Program& program) {
    constexpr std::size_t k_threads = 8;
    program.wait_for_go();
    std::barrier all(k_threads);
    std::vector<std::thread> workers;
    for (std::size_t number = 0; number < k_threads; ++number)
        workers.emplace_back([&, number] {
            program.expect_all(Program::k_seed, number, "a thread");
            all.arrive_and_wait();
            for (std::size_t page = number; page < program.pages; page += k_threads)
                write_page(program.page_at(page), 2, page);
            all.arrive_and_wait();
            program.expect_all(2, number, "after all threads have written");
        });
    for (std::thread& worker : workers)
        worker.join();
}

// Children of a process that is filled: each has all of its memory, and what it writes is its own.
void forks(const Program& program) {
    program.wait_for_go();
    std::vector<pid_t> children;
    for (std::uint64_t number = 0; number < 4; ++number) {
        children.push_back(program.start([&] {
            program.expect_all(Program::k_seed, 10 + number, "a child");
            const pid_t grandchild =
                program.start([&] { program.expect_all(Program::k_seed, 20 + number, "a grandchild"); });
            program.write_all(30 + number);
            program.expect_all(30 + number, 40 + number, "what a child has written");
            program.expect_success(grandchild, "a grandchild");
        }));
        for (std::size_t page = number; page < program.pages; page += 40)
            program.expect_page(program.page_at(page), Program::k_seed, page, "the parent between forks");
    }
    program.expect_all(Program::k_seed, 5, "the parent");
    program.write_all(6);
    program.expect_all(6, 7, "what the parent has written");
    for (const pid_t child : children)
        program.expect_success(child, "forks");
}

// Processes that were forked before the checkpoint: pages that they share, pages that differ, and memory that is
// shared.
void family(const Program& program) {
    constexpr std::uint64_t k_children = 4;
    constexpr std::size_t k_shared = 2048;
    char* shared = map_at(nullptr, k_shared, MAP_SHARED);
    for (std::size_t page = 0; page < k_shared; ++page)
        write_page(shared + page * k_page, 2, page);
    char* written = map_at(nullptr, k_children, MAP_SHARED);
    std::vector<pid_t> children;
    const auto own_page = [](std::size_t page, std::uint64_t number) { return page % 7 == number; };
    for (std::uint64_t number = 0; number < k_children; ++number)
        children.push_back(program.start([&] {
            for (std::size_t page = 0; page < program.pages; ++page)
                if (own_page(page, number))
                    write_page(program.page_at(page), 50 + number, page);
            written[number * k_page] = 1;
            program.wait_quietly();
            for (const std::size_t page : shuffled(program.pages, number))
                program.expect_page(program.page_at(page), own_page(page, number) ? 50 + number : Program::k_seed, page,
                                    "a child of before");
            for (std::size_t page = 0; page < k_shared; ++page)
                program.expect_page(shared + page * k_page, 2, page, "shared memory");
        }));
    for (std::uint64_t number = 0; number < k_children; ++number)
        while (static_cast<volatile char*>(written)[number * k_page] == 0)
            pause_for_a_millisecond();
    program.wait_for_go();
    program.expect_all(Program::k_seed, 8, "the parent of children of before");
    for (const pid_t child : children)
        program.expect_success(child, "family");
}

// What becomes of a block of pages whose mapping changes while it is filled.
class Block {
  public:
    Block(const Program& program, std::size_t number)
        : program_(program), first_(number * k_block), kind_(number % 7) {}

    void change() {
        char* const start = program_.page_at(first_);
        switch (kind_) {
        case 0:
            map_at(start, k_block, MAP_PRIVATE | MAP_FIXED);
            break;
        case 1:
            ::madvise(start, k_block * k_page, MADV_DONTNEED);
            break;
        case 2:
            moved_ = static_cast<char*>(::mremap(start, k_block * k_page, k_block * k_page,
                                                 MREMAP_MAYMOVE | MREMAP_FIXED, map_at(nullptr, k_block, MAP_PRIVATE)));
            break;
        case 3:
            ::munmap(start, k_half * k_page);
            break;
        case 4:
            ::mremap(start, k_block * k_page, k_half * k_page, 0);
            moved_ = static_cast<char*>(::mremap(start, k_half * k_page, 2 * k_block * k_page, MREMAP_MAYMOVE));
            break;
        case 5:
            ::mprotect(start, k_half * k_page, PROT_READ);
            break;
        default:
            break;
        }
        if (moved_ == MAP_FAILED)
            std::exit(2);
    }

    void check() const {
        switch (kind_) {
        case 0:
            return expect_zeros(program_.page_at(first_), 0, k_block, "mapped anew");
        case 1:
            return expect_zeros(program_.page_at(first_), 0, k_block, "not needed");
        case 2:
            return expect_pages(moved_, 0, k_block, "moved");
        case 3:
            return expect_pages(program_.page_at(first_), k_half, k_block, "beside what was unmapped");
        case 4:
            expect_pages(moved_, 0, k_half, "moved to grow");
            return expect_zeros(moved_, k_half, 2 * k_block, "grown");
        default:
            return expect_pages(program_.page_at(first_), 0, k_block, "left alone");
        }
    }

  private:
    static constexpr std::size_t k_half = k_block / 2;

    void expect_pages(const char* start, std::size_t from, std::size_t to, const char* what) const {
        for (std::size_t page = from; page < to; ++page)
            program_.expect_page(start + page * k_page, Program::k_seed, first_ + page, what);
    }
    void expect_zeros(const char* start, std::size_t from, std::size_t to, const char* what) const {
        for (std::size_t page = from; page < to; ++page)
            program_.expect_zero(start + page * k_page, first_ + page, what);
    }

    const Program& program_;
    std::size_t first_;
    std::size_t kind_;
    char* moved_ = nullptr;
};

void mappings(const Program& program) {
    program.wait_for_go();
    const std::size_t count = program.pages / k_block;
    std::vector<Block> blocks;
    for (std::size_t number = 0; number < count; ++number)
        blocks.emplace_back(program, number);
    const std::vector<std::size_t> order = shuffled(count, 9);
    for (const std::size_t number : order) {
        blocks[number].change();
        blocks[number].check();
    }
    // A page that comes too late would be seen only now.
    for (int round = 0; round < 3; ++round)
        for (const std::size_t number : order)
            blocks[number].check();
}

// All blocks change first, from several threads, beside forks, and only then are looked at.
void changes_at_once(const Program& program) {
    constexpr std::size_t k_threads = 4;
    program.wait_for_go();
    const std::size_t count = program.pages / k_block;
    std::vector<Block> blocks;
    for (std::size_t number = 0; number < count; ++number)
        blocks.emplace_back(program, number);
    const std::vector<std::size_t> order = shuffled(count, 11);
    std::vector<std::thread> workers;
    for (std::size_t thread = 0; thread < k_threads; ++thread)
        workers.emplace_back([&, thread] {
            for (std::size_t i = thread; i < count; i += k_threads)
                blocks[order[i]].change();
        });
    for (std::thread& worker : workers)
        worker.join();
    std::vector<pid_t> children;
    for (int child = 0; child < 2; ++child)
        children.push_back(program.start([&] {
            for (const std::size_t number : order)
                blocks[number].check();
        }));
    for (int round = 0; round < 2; ++round)
        for (const Block& block : blocks)
            block.check();
    for (const pid_t child : children)
        program.expect_success(child, "after changes");
}

// One process of the tree becomes another program, and children do, beside a thread that looks at all memory.
void execs(const Program& program) {
    const auto become_true = [] { ::execl("/bin/true", "true", nullptr); };
    const pid_t early = program.start([&] {
        program.wait_quietly();
        become_true();
        ::_exit(2);
    });
    program.wait_for_go();
    std::thread looks([&] { program.expect_all(Program::k_seed, 12, "beside programs"); });
    for (int number = 0; number < 30; ++number) {
        const pid_t child = program.start([&] {
            become_true();
            ::_exit(2);
        });
        program.expect_success(child, "a program");
    }
    looks.join();
    program.expect_success(early, "the process that became a program");
    program.expect_all(Program::k_seed, 13, "after programs");
}

void wiped_on_fork(const Program& program) {
    ::madvise(program.memory, program.pages * k_page, MADV_WIPEONFORK);
    program.wait_for_go();
    const pid_t child = program.start([&] {
        for (const std::size_t page : shuffled(program.pages, 14))
            program.expect_zero(program.page_at(page), page, "a child that gets zeros");
    });
    program.expect_all(Program::k_seed, 15, "the parent that keeps its data");
    program.expect_success(child, "wiped on fork");
}

const std::map<std::string, std::function<void(const Program&)>> k_scenarios = {
    {"pages_and_holes", pages_and_holes},
    {"threads", threads},
    {"forks", forks},
    {"family", family},
    {"mappings", mappings},
    {"changes_at_once", changes_at_once},
    {"execs", execs},
    {"wiped_on_fork", wiped_on_fork},
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 5 || !k_scenarios.contains(argv[1]))
        return 2;
    const Program program(std::stoul(argv[2]), argv[3], argv[4]);
    k_scenarios.at(argv[1])(program);
    program.log.line("right");
    while (true)
        ::pause();
}
