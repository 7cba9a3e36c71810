"""Numba source to object file: the slow path, taken once per machine and kernel."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
from collections.abc import Iterator
from typing import Any

import llvmlite.binding as llvm
from numba import cfunc, types
from numba.core import config

from . import host
from .dialect import FLAGS
from .entry import Entry

TYPES = {
    "u8*": types.CPointer(types.uint8),
    "u16*": types.CPointer(types.uint16),
    "i16*": types.CPointer(types.int16),
    "i32*": types.CPointer(types.int32),
    "i64*": types.CPointer(types.int64),
    "f32*": types.CPointer(types.float32),
    "f64*": types.CPointer(types.float64),
    "i64": types.int64,
    "f32": types.float32,
    "f64": types.float64,
}


def compile_object(module: str, name: str, triple: str = "") -> Entry:
    """Compile the kernel for this CPU, alone in its object file and needing nothing else.

    triple: LLVM's word for another system, whose CPU Numba's variables name.
    """
    return compile_function(_source(module, name), f"{module}.{name}", triple)


@functools.cache
def spare_blas() -> None:
    """Numba asks whether SciPy has BLAS when it meets its first function: no kernel needs that,
    and SciPy's algebra takes as long to import as Numba. Code that does not live here would
    lose some speed by it, so it is for processes that are a command's alone."""
    from numba.np import linalg

    asks = linalg.ensure_blas

    def absent() -> None:
        raise ImportError

    linalg.ensure_blas = absent
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = asks


def compile_function(function: Any, name: str, triple: str = "") -> Entry:
    """The object file of one function marked by `dialect.kernel`.

    TypeError if it needs anything of Numba's or Python's at run time.
    """
    with _without_optimiser():
        wrapper = _wrapper(function)
    unit = llvm.parse_assembly(wrapper.inspect_llvm())
    symbol = "imgconv_" + name.replace(".", "_")
    _isolate(unit, wrapper.native_name, symbol)
    machine = _machine(triple)
    unit.triple, unit.data_layout = machine.triple, str(machine.target_data)
    _optimise(unit, machine)
    _refuse_runtime_calls(unit, name)
    return Entry(symbol, function.signature, machine.emit_object(unit))


def in_process(module: str, name: str) -> tuple[int, str]:
    """Address and signature of the same kernel inside Numba's own engine."""
    function = _source(module, name)
    wrapper = _wrapper(function)
    _alive.append(wrapper)
    return wrapper.address, function.signature


_alive: list[Any] = []  # Numba frees machine code with its wrapper


def _source(module: str, name: str) -> Any:
    return getattr(importlib.import_module(f"imgconv.kernels.{module}"), name)


def _wrapper(function: Any) -> Any:
    arguments = [TYPES[word] for word in function.signature.split()]
    return cfunc(types.void(*arguments), **FLAGS)(function)


@contextlib.contextmanager
def _without_optimiser() -> Iterator[None]:
    """Let Numba skip LLVM's passes on every function: they run once, over the whole, later."""
    before = os.environ.get("NUMBA_OPT")
    os.environ["NUMBA_OPT"] = "0"
    config.reload_config()
    try:
        yield
    finally:
        del os.environ["NUMBA_OPT"]
        if before is not None:
            os.environ["NUMBA_OPT"] = before
        config.reload_config()


def _isolate(unit: llvm.ModuleRef, native_name: str, symbol: str) -> None:
    """Everything but the C wrapper becomes internal, so that what is unused can be dropped."""
    for function in unit.functions:
        if function.name == native_name:
            function.name = symbol
        elif not function.is_declaration:
            function.linkage = llvm.Linkage.internal
    for variable in unit.global_variables:
        if not variable.is_declaration:
            variable.linkage = llvm.Linkage.internal


def _machine(triple: str) -> llvm.TargetMachine:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    cpu, features = host.cpu()
    return llvm.Target.from_triple(triple or llvm.get_default_triple()).create_target_machine(
        cpu=cpu, features=features, opt=3, codemodel="jitdefault", jit=True
    )


def _optimise(unit: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(unit, builder)


def _refuse_runtime_calls(unit: llvm.ModuleRef, name: str) -> None:
    """An unresolved symbol would be a jump to address 0: refuse it while it has a name."""
    needed = {f.name for f in unit.functions if f.is_declaration and not f.name.startswith("llvm.")}
    needed |= {v.name for v in unit.global_variables if v.is_declaration}
    if foreign := sorted(needed - host.LIBC - host.LIBM):
        raise TypeError(
            f"kernel {name} may raise or allocate (it needs {', '.join(foreign)}): "
            "reach arrays through pointers, keep exceptions out"
        )
