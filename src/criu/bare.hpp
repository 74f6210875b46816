// SPDX-License-Identifier: Apache-2.0
// What a program has that is linked with no library, not even C's.
#pragma once

#include <cstddef>

namespace cedana::criu::bare {

// As the kernel answers: a negative error number on failure. syscall(2) has the registers.
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0) {
#if defined(__x86_64__)
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    long result = number;
    asm volatile("syscall"
                 : "+a"(result)
                 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return result;
#else
    register long x8 asm("x8") = number;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
#endif
}

inline long address_of(const void* object) { return reinterpret_cast<long>(object); }

inline std::size_t length_of(const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0')
        ++length;
    return length;
}

// What follows `start` in `text`; null if it does not start so.
inline const char* after(const char* text, const char* start) {
    for (; *start != '\0'; ++text, ++start)
        if (*text != *start)
            return nullptr;
    return text;
}

inline bool are_same(const char* one, const char* other) {
    const char* const rest = after(one, other);
    return rest != nullptr && *rest == '\0';
}

// Of `environment`, which ends with a null; null for one that is not set.
inline const char* value_of(const char* const* environment, const char* name) {
    for (; *environment != nullptr; ++environment)
        if (const char* const rest = after(*environment, name); rest != nullptr && *rest == '=')
            return rest + 1;
    return nullptr;
}

// A byte at a time: for more the compiler would call the C library.
inline char* put(char* to, const char* text) {
    for (; *text != '\0'; ++text) {
        *to++ = *text;
        asm volatile("" ::: "memory");
    }
    return to;
}

} // namespace cedana::criu::bare
