cimport cython

cdef int _GREETING
cdef int _REFUSED
cdef int _OPEN
cdef int _HALF
cdef int _ENDING
cdef int _CLOSED
cdef Py_ssize_t _RECORD_BYTES
cdef Py_ssize_t _SLICE_BYTES
cdef Py_ssize_t _MAX_RECORDS
cdef Py_ssize_t _GREEDY_BYTES
cdef int _NOT_WANTED
cdef int _OTHERS_FIRST
cdef object _WantRead
cdef object _Failure


@cython.final
cdef class TlsEntrance:
    cdef public object context
    cdef public object new_protocol
    cdef public object on_failure
    cdef public object on_plain
    cdef public frozenset protocols
    cdef public object runtime
    cdef public double timeout


@cython.final
cdef class TlsLayer:
    cdef object above
    cdef object backlog
    cdef Py_ssize_t backlog_bytes
    cdef TlsEntrance entrance
    cdef object hello
    cdef object incoming
    cdef object inner
    cdef bint is_deaf
    cdef bint is_full
    cdef object outgoing
    cdef int pauses
    cdef int stage
    cdef object tls
    cdef object transport

    cdef _greet(self, bytes data)
    @cython.locals(offered=frozenset, spoken=frozenset)
    cdef bint _is_acceptable(self, bytes data) except -1
    cdef _welcome(self)
    cdef _refuse_plain(self)
    cdef _report(self, object error)
    @cython.locals(has_more=bint, data=bytes)
    cdef _read(self)
    @cython.locals(pieces=list, size=Py_ssize_t, wanted=Py_ssize_t, has_more=bint, piece=bytes)
    cdef tuple _decrypt(self)
    cdef _rest(self)
    cdef bint _ends_with(self, list pieces) except -1
    cdef _hear_end(self)
    @cython.locals(start=Py_ssize_t, size=Py_ssize_t)
    cdef _encrypt(self, object data, bint is_last)
    cdef _send(self)
    cpdef close(self)
    cpdef abort(self)
    cdef _end_half(self)
    cdef _end(self)
    cdef _notify(self)
