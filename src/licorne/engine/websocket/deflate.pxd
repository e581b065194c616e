cimport cython

cdef bytes _TAIL
cdef int _TAIL_BYTES
cdef bytes _EMPTY
cdef int _MIN_ZLIB_BITS
cdef int _MAX_FINAL_BLOCKS
cdef int _INVALID_DATA
cdef int _TOO_BIG
cdef Py_ssize_t _MAX_LIMIT


@cython.final
cdef class Deflate:
    cdef int client_bits
    cdef bint client_takeover
    cdef object compressor
    cdef int final_blocks
    cdef object inflator
    cdef int level
    cdef int mem_level
    cdef int server_bits
    cdef bint server_takeover

    @cython.locals(most=Py_ssize_t, out=bytes)
    cpdef bytes inflate(self, bytes data, bint is_last, Py_ssize_t limit)
    @cython.locals(out=bytes)
    cpdef bytes compress(self, bytes data)
    @cython.locals(rest=bytes)
    cdef bytes _go_on(self, bytes out, bint is_last, Py_ssize_t most)
    cdef _finish_inflating(self)
