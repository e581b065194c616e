cimport cython

@cython.final
cdef class RequestHead:
    cdef public bint asks_websocket
    cdef public long long content_length
    cdef public bint expects_continue
    cdef public list headers
    cdef public str http_version
    cdef public bint is_plain
    cdef public bint is_websocket
    cdef public str method
    cdef public bytes path
    cdef public bytes query
    cdef public bint takes_trailers
    cdef public bytes target


@cython.final
cdef class BodyBuffer:
    cdef public bytes first
    cdef public bint has_ended
    cdef public Py_ssize_t high_water
    cdef bytearray more

    cpdef append(self, bytes data)
    cpdef bytes take(self)
    cpdef Py_ssize_t size(self)
