cimport cython

cdef Py_ssize_t _MIN_PIECE_BYTES


cdef class Gathering:
    cdef public Py_ssize_t fragments
    cdef public bint is_compressed
    cdef public long long size
    cdef public long long wire_size

    cpdef append(self, bytes data)
    cpdef finish(self, bytes data)


cdef class BinaryGathering(Gathering):
    cdef list pieces


cdef class TextGathering(Gathering):
    cdef bytes carry
    cdef object text

    @cython.locals(used=Py_ssize_t)
    cdef str _decode(self, bytes data, bint is_last)
