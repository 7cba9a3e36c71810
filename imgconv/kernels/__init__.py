"""The compiled loops. Each is compiled once per machine, at its first call, then loaded."""

from __future__ import annotations

from .native import Kernel

# Correlation from source type through working type to result type.
correlations = {
    (source, work, result): Kernel("correlate", f"{source}_{work}_{result}")
    for source, work, result in (
        ("u8", "i16", "u8"), ("u8", "i32", "u8"), ("u8", "split", "u8"),
        ("u8", "f32", "u8"), ("u8", "f64", "u8"),
        ("u8", "f32", "f32"), ("u8", "f64", "f32"),
        ("u16", "f32", "u16"), ("u16", "f64", "u16"),
        ("u16", "f32", "f32"), ("u16", "f64", "f32"),
        ("f32", "f32", "f32"), ("f32", "f32", "u8"), ("f32", "f32", "u16"),
    )
}  # fmt: skip

# Pooling by method and type.
pools = {
    (method, word): Kernel("pool", f"{method}_{word}")
    for method in ("max", "min", "mean", "l2", "median")
    for word in ("u8", "u16", "f32")
}

# Running sums of windows by the types of source, column, window, arithmetic and result; trees of
# them; extremes by type.
slides = {
    f"sum_{words}": Kernel("running", words)
    for words in (
        "u8_u16_u16_u16_u8", "u8_u16_u16_f32_u8", "u8_u16_i32_f32_u8", "u8_f64_f64_f64_u8",
        "u8_u16_i32_f32_f32", "u8_f64_f64_f64_f32", "u16_i32_i32_f64_u16", "u16_f64_f64_f64_u16",
        "u16_f64_f64_f64_f32", "f32_f32_f32_f32_f32",
        "f32_f64_f32_f32_f32", "f32_f64_f32_f32_u8", "f32_f64_f32_f32_u16",
    )
} | {
    name: Kernel("sliding", name)
    for name in (
        *(f"tree_f32_f64_f32_f32_{result}" for result in ("f32", "u8", "u16")),
        *(f"{method}_{word}" for method in ("max", "min") for word in ("u8", "u16", "f32")),
    )
}  # fmt: skip

# Symmetric separable stencils from source through working to result type.
foldings = {
    tuple(name.split("_")): Kernel("symmetric", name)
    for name in (
        "u8_i16_u8", "u8_f32_u8", "u8_f32_f32", "u16_f32_u16", "u16_f32_f32",
        "f32_f32_f32", "f32_f32_u8", "f32_f32_u16",
    )
}  # fmt: skip

# Narrow means of 8-bit images by their folds with products of their own.
narrow_means = {3: Kernel("narrow", "three"), 4: Kernel("narrow", "four")}

# Ranks of 3 x 3 pixels by method and type, medians of 5 x 5 and of any size by type.
ranks = {
    (method, word): Kernel("neighbours", f"{method}_{word}")
    for method in ("max", "min", "median") for word in ("u8", "u16", "f32")
}  # fmt: skip
medians = {word: Kernel("median", word) for word in ("u8", "u16", "f32")}
histogram_medians = {"u16": Kernel("histogram", "u16")}
column_medians = {count: Kernel("column_histogram", count) for count in ("u16", "i32")}
blends = {word: Kernel("blend", word) for word in ("u8", "u16", "f32")}

# Nearest pixels by type, and interpolation from a type in a working type.
nearest = {word: Kernel("upsample", f"nearest_{word}") for word in ("u8", "u16", "f32")}
interpolations = {
    (source, work): Kernel("upsample", f"{source}_{work}")
    for source, work in (
        ("u8", "i16"), ("u8", "i32"), ("u8", "f64"), ("u16", "f64"), ("f32", "f32"),
    )
}  # fmt: skip

transpositions = {
    (source, work): Kernel("transposed", f"{source}_{work}")
    for source, work in (("u8", "f64"), ("u16", "f64"), ("f32", "f32"))
}

# The layer of a network by the type of its image; feature maps are float32.
layers = {source: Kernel("convolve", source) for source in ("u8", "u16", "f32")}

correlate_directly = Kernel("direct", "correlate")

# Networks, over blocks of channels.
winograd_convolve = Kernel("winograd", "convolve")
winograd_prepare = Kernel("winograd", "prepare")
implicit_convolve = Kernel("implicit", "convolve")
slide = Kernel("blocked_pool", "slide")
resize_blocks = Kernel("resize", "resize")
block, unblock = Kernel("blocks", "block"), Kernel("blocks", "unblock")
width = Kernel("blocks", "width")
activate, combine = Kernel("functions", "activate"), Kernel("functions", "combine")
scale = Kernel("functions", "scale")

# Training: 3x3 convolution of channels-last batches, and its gradient by the weights.
convolve_batch = Kernel("channels_last", "convolve")
correlate_batch = Kernel("channels_last", "correlate")
weigh_batch = Kernel("channels_last", "weigh")

png_filter_rows = Kernel("png", "filter_rows")
png_restore_rows = Kernel("png", "restore_rows")


def every() -> list[Kernel]:
    """All kernels, for `imgconv warmup` and the tests."""
    single = [value for value in globals().values() if isinstance(value, Kernel)]
    tables = (
        correlations,
        layers,
        pools,
        slides,
        foldings,
        narrow_means,
        blends,
        ranks,
        medians,
        histogram_medians,
        column_medians,
        nearest,
        interpolations,
        transpositions,
    )
    return [*(kernel for table in tables for kernel in table.values()), *single]
