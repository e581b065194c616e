cimport cython

cdef object _EXHAUSTED


@cython.final
cdef class Ready:
    cdef object result
