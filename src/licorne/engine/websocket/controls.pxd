cimport cython

cdef int _PING
cdef int _PONG
cdef int _CLOSE
cdef int _RSV
cdef int _WHOLE_CLOSE
cdef int _WHOLE_PING
cdef int _WHOLE_PONG
cdef Py_ssize_t _MAX_PINGS


@cython.final
cdef class Controls:
    cdef public bytes awaited
    cdef public bytes close_payload
    cdef public list pings
    cdef public int seen

    cpdef take(self, int head, bytes payload)
    cdef _keep_ping(self, bytes payload)
