// SPDX-License-Identifier: Apache-2.0
#include "folded_crc.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cedana {

#if defined(__x86_64__)

namespace {

#define CEDANA_FOLDS __attribute__((target("pclmul,sse4.1")))

constexpr std::size_t k_lane = sizeof(__m128i);
constexpr std::size_t k_lanes = 4;

// Gopal and others, "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009): powers of
// x modulo the polynomial, with their bits in reverse, by which what lies so many bits ahead is folded into what
// follows.
struct FoldPowers {
    std::int64_t low;
    std::int64_t high;
};
// x^(512 + 32) and x^(512 - 32): over four lanes.
constexpr FoldPowers k_over_lanes = {.low = 0x154442bd4, .high = 0x1c6e41596};
// x^(128 + 32) and x^(128 - 32): over one.
constexpr FoldPowers k_over_one = {.low = 0x1751997d0, .high = 0x0ccaa009e};
// x^64
constexpr FoldPowers k_last = {.low = 0x163cd6124, .high = 0};
// Of Barrett's reduction: the polynomial, and x^64 divided by it.
constexpr FoldPowers k_barrett = {.low = 0x1db710641, .high = 0x1f7011641};

CEDANA_FOLDS __m128i lane_of(const FoldPowers& powers) { return _mm_set_epi64x(powers.high, powers.low); }

CEDANA_FOLDS __m128i load_lane(const std::byte* from) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}

CEDANA_FOLDS __m128i fold_lane(__m128i lane, __m128i powers, __m128i next) {
    const __m128i low = _mm_clmulepi64_si128(lane, powers, 0x00);
    const __m128i high = _mm_clmulepi64_si128(lane, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

CEDANA_FOLDS std::uint32_t reduced(__m128i lane) {
    const __m128i words = _mm_setr_epi32(-1, 0, -1, 0);
    lane = _mm_xor_si128(_mm_srli_si128(lane, 8), _mm_clmulepi64_si128(lane, lane_of(k_over_one), 0x10));
    lane =
        _mm_xor_si128(_mm_srli_si128(lane, 4), _mm_clmulepi64_si128(_mm_and_si128(lane, words), lane_of(k_last), 0x00));
    const __m128i barrett = lane_of(k_barrett);
    __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(lane, words), barrett, 0x10);
    quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, words), barrett, 0x00);
    return static_cast<std::uint32_t>(_mm_extract_epi32(_mm_xor_si128(lane, quotient), 1));
}

// At least four lanes, and whole ones.
CEDANA_FOLDS std::uint32_t fold_all(const std::byte* from, std::size_t count, std::uint32_t start) {
    __m128i lanes[k_lanes];
    for (std::size_t i = 0; i < k_lanes; ++i)
        lanes[i] = load_lane(from + i * k_lane);
    lanes[0] = _mm_xor_si128(lanes[0], _mm_cvtsi32_si128(static_cast<int>(~start)));
    std::size_t at = k_lanes * k_lane;
    for (const __m128i powers = lane_of(k_over_lanes); count - at >= k_lanes * k_lane; at += k_lanes * k_lane)
        for (std::size_t i = 0; i < k_lanes; ++i)
            lanes[i] = fold_lane(lanes[i], powers, load_lane(from + at + i * k_lane));
    const __m128i powers = lane_of(k_over_one);
    __m128i all = lanes[0];
    for (std::size_t i = 1; i < k_lanes; ++i)
        all = fold_lane(all, powers, lanes[i]);
    for (; count - at >= k_lane; at += k_lane)
        all = fold_lane(all, powers, load_lane(from + at));
    return ~reduced(all);
}

} // namespace

std::size_t foldable(std::size_t count) noexcept {
    static const bool k_can = __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
    return k_can && count >= k_lanes * k_lane ? count - count % k_lane : 0;
}

std::uint32_t folded_crc(std::span<const std::byte> data, std::uint32_t start) noexcept {
    return fold_all(data.data(), data.size(), start);
}

#undef CEDANA_FOLDS

#else

std::size_t foldable(std::size_t) noexcept { return 0; }

std::uint32_t folded_crc(std::span<const std::byte>, std::uint32_t start) noexcept { return start; }

#endif

} // namespace cedana
