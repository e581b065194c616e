cimport cython


cdef class AccessLog:
    cdef bytes _after_client
    cdef object _batch
    cdef bytes _before_client
    cdef dict _clients
    cdef dict _ends
    cdef object _entry
    cdef object _logger
    cdef tuple _look
    cdef dict _methods
    cdef list _pieces
    cdef Py_ssize_t _room
    cdef object _template
    cdef readonly bint needs_time

    @cython.locals(client=bytes, method=bytes, target=bytes, ends=dict, end=bytes)
    cdef Py_ssize_t _append_default(self, object exchange, object link) except -1
    @cython.locals(line=bytes)
    cdef Py_ssize_t _append_rendered(self, object exchange, object link, double seconds) except -1
    cdef bytes _render(self, object exchange, object link, double seconds)
    cdef bint _open_batch(self) except -1
    cdef void _log_ordinary(self, object exchange, object link, double seconds) except *
    cdef void _learn(self, tuple look) except *
    cdef list _sample(self, str version, int status)
    cdef bytes _remember_client(self, object client)
    cdef bytes _remember_method(self, str method)
    cdef bytes _remember_end(self, object exchange)
