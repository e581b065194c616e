cimport cython

cdef long long _MAX_WINDOW


@cython.final
cdef class ReceiveWindow:
    cdef public long long left
    cdef public long long size

    cpdef bint spend(self, long long count) except -1
    cpdef resize(self, long long size)
    @cython.locals(taken="long long")
    cpdef Py_ssize_t take_credit(self, long long held) except -1


cpdef Py_ssize_t widened(long long window, long long credit, int stream_id) except? -1
