"""What glibc does with freed memory: kept where it is needed again at once, returned where not.

With another C library nothing happens. Constants and meanings: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_THRESHOLD = -3

_KEPT_ALLOCATION_BYTES = 2**26
"""Twelve megapixels take 36 MB; by default what is larger than 32 MB is always returned."""
_KEPT_BYTES = 2**27
"""At the end of each heap, of which threads have their own."""
_HEAP_BYTES = 2**26
"""As much to spare as a thread's heap has in all (malloc/arena.c: HEAP_MAX_SIZE), so that a heap of
which nothing is in use is not returned whole."""

_LARGE_BYTES = 2**23

_TOP_BYTES = 2**17
"""Freed in one piece, more than 64 KiB make glibc look at the top of its heap (malloc/malloc.c:
FASTBIN_CONSOLIDATION_THRESHOLD)."""

_is_keeping = False


def keep_freed_memory() -> None:
    """Have this process keep the memory of freed pictures, and layers' results, for the next ones.

    The kernel hands returned memory out anew page by page, each filled with zeros: a fifth of what
    it takes to decode a large picture, or to run a small network on 32 frames. Costs some 100 MB in
    a process that does so.
    """
    global _is_keeping
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        _is_keeping = True
        set_option(_M_MMAP_THRESHOLD, _KEPT_ALLOCATION_BYTES)
        set_option(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        set_option(_M_TOP_PAD, _HEAP_BYTES)


def return_freed_memory(freed_bytes: int) -> None:
    """Return what is kept to the system; nothing happens where that is little.

    A body comes in as thousands of pieces. Freed, they stay with the process if anything small lies
    above them: 90 MB after an upload of 90 MB. Takes milliseconds, so call it in a thread.

    What lies at the end of another thread's heap stays: `return_own_memory`.

    Args:
        freed_bytes: About as many as were freed since the last time.
    """
    if freed_bytes < _LARGE_BYTES:
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def return_own_memory(freed_bytes: int) -> None:
    """Return what is kept at the end of the calling thread's heap; nothing where that is little.

    malloc_trim(3) does so for the main thread's heap alone. Others are cut when something is freed
    while much lies at their end, and what much is can be set for the moment.

    Args:
        freed_bytes: About as many as this thread freed since the last time.
    """
    library = ctypes.CDLL(None)
    if freed_bytes < _LARGE_BYTES or not hasattr(library, "mallopt"):
        return
    library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    library.mallopt(_M_TRIM_THRESHOLD, _TOP_BYTES)
    library.mallopt(_M_TOP_PAD, 0)
    library.free(library.malloc(_TOP_BYTES))
    if _is_keeping:
        keep_freed_memory()
