"""Functions of every number: activations, sums and products of arrays, channel by channel scales.

exp(x) is 2^n e^r, n = x / ln 2 rounded, r the rest, e^r a polynomial of degree 6 (the Taylor
series cut there leaves 1e-7 for |r| <= ln 2 / 2); tanh near 0 and erf follow Abramowitz and
Stegun, Handbook of Mathematical Functions, 4.5.64 and 7.1.26 (1.5e-7).
"""

from __future__ import annotations

from numba import types

from .dialect import LANES, device, kernel
from .lanes import below, fma, greater, leak, lesser, load, power_of_two, spread, store
from .layout import ADD, GELU, GELU_TANH, SIGMOID, SILU, SUBTRACT, TANH

V = LANES
f = types.float32


@device
def exponential(x):
    """e^x, of x held between -87 and 88."""
    x = lesser(greater(x, spread(f(-87.0))), spread(f(88.0)))
    magic = spread(f(12582912.0))  # 1.5 * 2^23: adding it rounds to whole numbers
    n = fma(x, spread(f(1.44269504088896341)), magic) - magic
    r = fma(n, spread(f(-0.693359375)), x)
    r = fma(n, spread(f(2.12194440e-4)), r)
    p = fma(r, spread(f(1.0 / 720.0)), spread(f(1.0 / 120.0)))
    p = fma(r, p, spread(f(1.0 / 24.0)))
    p = fma(r, p, spread(f(1.0 / 6.0)))
    p = fma(r, p, spread(f(0.5)))
    p = fma(r, p, spread(f(1.0)))
    p = fma(r, p, spread(f(1.0)))
    return p * power_of_two(n)


@device
def sigmoid(x):
    one = spread(f(1.0))
    return one / (one + exponential(spread(f(0.0)) - x))


@device
def hyperbolic_tangent(x):
    """1 - 2 / (e^2x + 1); near 0, where that cancels, x - x^3/3 + ..."""
    one, two = spread(f(1.0)), spread(f(2.0))
    far = one - two / (exponential(two * x) + one)
    s = x * x
    p = fma(s, spread(f(-1382.0 / 155925.0)), spread(f(62.0 / 2835.0)))
    p = fma(s, p, spread(f(-17.0 / 315.0)))
    p = fma(s, p, spread(f(2.0 / 15.0)))
    p = fma(s, p, spread(f(-1.0 / 3.0)))
    near = fma(x * s, p, x)
    return below(s, spread(f(0.09)), near, far)


@device
def error_function(x):
    one, zero = spread(f(1.0)), spread(f(0.0))
    size = below(x, zero, zero - x, x)
    t = one / fma(size, spread(f(0.3275911)), one)
    p = fma(t, spread(f(1.061405429)), spread(f(-1.453152027)))
    p = fma(t, p, spread(f(1.421413741)))
    p = fma(t, p, spread(f(-0.284496736)))
    p = fma(t, p, spread(f(0.254829592)))
    far = one - t * p * exponential(zero - size * size)
    return below(x, zero, zero - far, far)


@device
def gelu(x):
    half = spread(f(0.5)) * x
    return fma(half, error_function(x * spread(f(0.70710678118654752))), half)


@device
def gelu_tanh(x):
    half = spread(f(0.5)) * x
    inner = x * fma(x * x, spread(f(0.044715 * 0.7978845608028654)), spread(f(0.7978845608028654)))
    return fma(half, hyperbolic_tangent(inner), half)


@kernel("f32* f32* i64 i64 i64 f32 f32 f32")
def activate(source, out, kind, begin, end, slope, low, high):
    """out[i] = f(source[i]) for begin <= i < end, both multiples of LANES."""
    slopes, lows, highs = spread(slope), spread(low), spread(high)
    for m in range((end - begin) // V):
        i = begin + m * V
        x = load(source, i)
        if kind == SIGMOID:
            x = sigmoid(x)
        elif kind == TANH:
            x = hyperbolic_tangent(x)
        elif kind == GELU:
            x = gelu(x)
        elif kind == SILU:
            x = x * sigmoid(x)
        elif kind == GELU_TANH:
            x = gelu_tanh(x)
        else:
            x = lesser(greater(leak(x, slopes), lows), highs)
        store(out, i, x)


@kernel("f32* f32* f32* i64 i64 i64 f32 f32 f32")
def combine(a, b, out, kind, begin, end, slope, low, high):
    """out[i] = a[i] + b[i] (or -, *) for begin <= i < end, multiples of LANES, then held."""
    slopes, lows, highs = spread(slope), spread(low), spread(high)
    for m in range((end - begin) // V):
        i = begin + m * V
        x, y = load(a, i), load(b, i)
        if kind == ADD:
            x = x + y
        elif kind == SUBTRACT:
            x = x - y
        else:
            x = x * y
        store(out, i, lesser(greater(leak(x, slopes), lows), highs))


@kernel("f32* f32* f32* f32* f32* i64 i64 i64 f32 f32")
def scale(source, factors, terms, slopes, out, pixels, begin, end, low, high):
    """out = source * factor + term of each channel, times its slope where negative, then held.

    Blocks of V channels, `pixels` each; begin and end count pixels over all blocks.
    """
    lows, highs = spread(low), spread(high)
    for m in range(end - begin):
        i = begin + m
        c = i // pixels * V
        x = fma(load(source, i * V), load(factors, c), load(terms, c))
        store(out, i * V, lesser(greater(leak(x, load(slopes, c)), lows), highs))
