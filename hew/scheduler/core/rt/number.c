/* number.c - see number.h.
 *
 * Floats by the Schubfach method (R. Giulietti, "The Schubfach way to render doubles"): scale the
 * value and the two borders of its rounding interval by one tabulated power of ten, and take the
 * shortest decimal inside, the nearest when there are two. The scaled borders are rounded to odd,
 * which keeps every comparison exact.
 *
 * Layout of the digits: Python's repr without a trailing ".0".
 */
#include "rt/number.h"

#include <string.h>

#include "rt/pow10.h"

__extension__ typedef unsigned __int128 u128;

typedef struct decimal {
    uint64_t digits;  /* the value is digits * 10^exponent */
    int32_t exponent; /* trailing zeros are not yet removed */
} decimal;

/* ---- integers ---- */

static const char digit_pairs[201] = "0001020304050607080910111213141516171819202122232425262728293"
                                     "031323334353637383940414243444546474849"
                                     "5051525354555657585960616263646566676869707172737475767778798"
                                     "081828384858687888990919293949596979899";

size_t hew_number_u64(char *out, uint64_t v)
{
    char text[20];
    size_t at = sizeof text;
    while (v >= 100) {
        at -= 2;
        memcpy(text + at, digit_pairs + v % 100 * 2, 2);
        v /= 100;
    }
    if (v >= 10) {
        at -= 2;
        memcpy(text + at, digit_pairs + v * 2, 2);
    } else {
        text[--at] = (char)('0' + v);
    }
    memcpy(out, text + at, sizeof text - at);
    return sizeof text - at;
}

size_t hew_number_i64(char *out, int64_t v)
{
    if (v >= 0) {
        return hew_number_u64(out, (uint64_t)v);
    }
    *out = '-';
    return 1 + hew_number_u64(out + 1, 0 - (uint64_t)v);
}

/* ---- floats: the digits ---- */

/* floor(q * log10(2)), or floor(log10(3/4 * 2^q)) when the lower neighbour is at half the distance.
 */
static int32_t floor_log10_pow2(int32_t q, bool closer)
{
    return (q * 1262611 - (closer ? 524031 : 0)) >> 22;
}

/* floor(k * log2(10)) */
static int32_t floor_log2_pow10(int32_t k)
{
    return (k * 1741647) >> 19;
}

/* floor(g * c / 2^128), its last bit set when anything was cut off. */
static uint64_t scale_to_odd_64(hew_pow10 g, uint64_t c)
{
    u128 low = (u128)g.low * c;
    u128 sum = (u128)g.high * c + (uint64_t)(low >> 64);
    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

/* The same with the upper half of g, rounded up: enough for the 24 bits of a float. */
static uint64_t scale_to_odd_32(hew_pow10 g, uint64_t c)
{
    uint64_t top = g.high + (g.low != 0);
    u128 product = (u128)top * c;
    return (uint64_t)(product >> 64) | ((uint64_t)product >> 32 > 1);
}

/* c * 2^q, c not 0, even when the interval's borders belong to it; `closer`: c is a power of two,
 * the value below is at half the distance. */
static decimal shortest(uint64_t c, int32_t q, bool closer, bool single)
{
    int32_t k = floor_log10_pow2(q, closer);
    int32_t h = q + floor_log2_pow10(-k) + 1;
    hew_pow10 g = hew_pow10_table[-k - HEW_POW10_MIN];
    uint64_t (*scale)(hew_pow10, uint64_t) = single ? scale_to_odd_32 : scale_to_odd_64;
    uint64_t odd = c & 1; /* an even significand owns both borders of its interval */
    uint64_t lower = scale(g, (4 * c - 2 + closer) << h) + odd;
    uint64_t value = scale(g, (4 * c) << h);
    uint64_t upper = scale(g, (4 * c + 2) << h) - odd;

    uint64_t s = value / 4;
    if (s >= 10) { /* one digit less, if exactly one of the two neighbours is inside */
        uint64_t tens = s / 10;
        bool below = lower <= 40 * tens;
        bool above = 40 * tens + 40 <= upper;
        if (below != above) {
            return (decimal){tens + above, k + 1};
        }
    }
    bool below = lower <= 4 * s;
    bool above = 4 * s + 4 <= upper;
    if (below != above) {
        return (decimal){s + above, k};
    }
    uint64_t middle = 4 * s + 2; /* both are inside: the nearer, the even one of two equally near */
    return (decimal){s + (value > middle || (value == middle && (s & 1))), k};
}

/* ---- floats: the layout ---- */

static size_t put(char *out, const char *text)
{
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

static size_t put_zeros(char *out, int32_t n)
{
    memset(out, '0', (size_t)n);
    return (size_t)n;
}

static size_t put_scientific(char *out, const char *digits, int32_t n, int32_t exponent)
{
    size_t at = 0;
    out[at++] = digits[0];
    if (n > 1) {
        out[at++] = '.';
        memcpy(out + at, digits + 1, (size_t)n - 1);
        at += (size_t)n - 1;
    }
    out[at++] = 'e';
    out[at++] = exponent < 0 ? '-' : '+';
    uint64_t size = (uint64_t)(exponent < 0 ? -exponent : exponent);
    if (size < 10) {
        out[at++] = '0';
    }
    return at + hew_number_u64(out + at, size);
}

static size_t put_positional(char *out, const char *digits, int32_t n, int32_t exponent)
{
    size_t at = 0;
    int32_t whole = exponent + 1; /* digits before the point */
    if (whole <= 0) {
        at += put(out, "0.");
        at += put_zeros(out + at, -whole);
        memcpy(out + at, digits, (size_t)n);
        return at + (size_t)n;
    }
    if (n <= whole) {
        memcpy(out, digits, (size_t)n);
        return (size_t)n + put_zeros(out + n, whole - n);
    }
    memcpy(out, digits, (size_t)whole);
    out[whole] = '.';
    memcpy(out + whole + 1, digits + whole, (size_t)(n - whole));
    return (size_t)n + 1;
}

static size_t put_decimal(char *out, decimal d)
{
    while (d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent += 1;
    }
    char digits[20];
    int32_t n = (int32_t)hew_number_u64(digits, d.digits);
    int32_t exponent = d.exponent + n - 1; /* of the first digit */
    return exponent < -4 || exponent >= 16 ? put_scientific(out, digits, n, exponent)
                                           : put_positional(out, digits, n, exponent);
}

/* Both formats: `fraction` and `biased` are the parts of the number, of `bits` and the rest. */
static size_t put_float(char *out, bool negative, uint64_t fraction, int32_t biased, int32_t bits)
{
    bool single = bits == 23;
    int32_t top = single ? 255 : 2047;
    if (biased == top && fraction != 0) {
        return put(out, "nan");
    }
    size_t at = negative ? put(out, "-") : 0;
    if (biased == top) {
        return at + put(out + at, "inf");
    }
    if (biased == 0 && fraction == 0) {
        return at + put(out + at, "0");
    }
    uint64_t c = biased == 0 ? fraction : fraction | (uint64_t)1 << bits;
    int32_t q = (biased == 0 ? 1 : biased) - (top / 2) - bits;
    if (q <= 0 && -q <= bits &&
        (c & (((uint64_t)1 << -q) - 1)) == 0) { /* a whole number below 2^(bits + 1) */
        return at + put_decimal(out + at, (decimal){c >> -q, 0});
    }
    bool closer = fraction == 0 && biased > 1;
    return at + put_decimal(out + at, shortest(c, q, closer, single));
}

size_t hew_number_f64(char *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put_float(out, bits >> 63, bits & ((UINT64_C(1) << 52) - 1),
                     (int32_t)(bits >> 52 & 2047), 52);
}

size_t hew_number_f32(char *out, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return put_float(out, bits >> 31, bits & ((UINT32_C(1) << 23) - 1), (int32_t)(bits >> 23 & 255),
                     23);
}
