/* head_lanes.h - sixteen heads compared with one at once, by whatever the processor has for it.
 *
 * Threads: pure functions over bytes. */
#ifndef PROTOBASE_COLLECTION_HEAD_LANES_H
#define PROTOBASE_COLLECTION_HEAD_LANES_H
#include <protobase/base/bytes.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__) && !defined(__ARM_BIG_ENDIAN)
#include <arm_neon.h>
#define HEAD_LANES_NEON 1
#endif

#define HEAD_LANES 16u
#define HEAD_LANES_BYTES (HEAD_LANES * 4)

/* How many of the first `count` heads at `heads`, at most HEAD_LANES, are below `head`. */
static inline uint32_t head_lanes_few(const uint8_t *heads, uint32_t count, uint32_t head)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < count; i++) {
        below += pbase_get_u32(heads + (size_t)i * 4) < head;
    }
    return below;
}

#if defined(__SSE2__)
/* So that the signed compare, the only one there is, tells the order of unsigned numbers. */
static inline __m128i head_lanes_flipped(__m128i lanes)
{
    return _mm_xor_si128(lanes, _mm_set1_epi32((int)0x80000000u));
}
#endif

/* The same when HEAD_LANES_BYTES may be read, whatever lies behind the heads: without a branch, since
 * none that depends on a leaf is foretold well. */
static inline uint32_t head_lanes_below(const uint8_t *heads, uint32_t count, uint32_t head)
{
#if defined(__SSE2__)
    const __m128i wanted = head_lanes_flipped(_mm_set1_epi32((int)head));
    __m128i lower[4];
#pragma GCC unroll 4
    for (uint32_t i = 0; i < 4; i++) {
        const void *four = heads + (size_t)i * 16;
        lower[i] =
            _mm_cmplt_epi32(head_lanes_flipped(_mm_loadu_si128((const __m128i *)four)), wanted);
    }
    __m128i narrow =
        _mm_packs_epi16(_mm_packs_epi32(lower[0], lower[1]), _mm_packs_epi32(lower[2], lower[3]));
    uint32_t below =
        (uint32_t)_mm_movemask_epi8(narrow); /* a bit each; sorted: ones, then others */
    return (uint32_t)__builtin_ctz(~below | (uint32_t)1 << count);
#elif defined(HEAD_LANES_NEON)
    static const uint32_t numbers[4] = {0, 1, 2, 3};
    const uint32x4_t wanted = vdupq_n_u32(head), past = vdupq_n_u32(count);
    uint32x4_t number = vld1q_u32(numbers);
    uint32x4_t below = vdupq_n_u32(0);
    for (uint32_t i = 0; i < HEAD_LANES; i += 4) {
        uint32x4_t lanes = vreinterpretq_u32_u8(vld1q_u8(heads + (size_t)i * 4));
        uint32x4_t lower = vandq_u32(vcltq_u32(lanes, wanted), vcltq_u32(number, past));
        below = vsubq_u32(below, lower); /* true is -1 */
        number = vaddq_u32(number, vdupq_n_u32(4));
    }
    return vaddvq_u32(below);
#else
    return head_lanes_few(heads, count, head);
#endif
}

#endif
